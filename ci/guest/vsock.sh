# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# The socket device, from the guest with CID 3. The one with CID 4 runs vsock-sibling.sh.
. /guest/lib.sh

length=${LENGTH:-67108864}
connections=${CONNECTIONS:-1000}
size="$((length >> 20)) MiB"

driver 19

# A packet that the device never gives back holds its socket for ever.
sockets() { sed -n 's/^sockets: used //p' /proc/net/sockstat; }
before=$(sockets)

port=1000
for kind in stream seqpacket; do
    # The guest connects: its bytes to the host, the host's to it, and an answer that begins only
    # when the guest has ended its own direction.
    for pair in "check put" "put check" "reply ask"; do
        port=$((port + 1))
        ask serve $kind $port "${pair% *}" $length $port
        guest-tool connect $kind 2 $port "${pair#* }" $length $port
        ask finish $port
    done
    # The host connects.
    port=$((port + 1))
    guest-tool listen $kind $port reply $length $port > /tmp/said &
    until_true 10 grep -q listening /tmp/said
    ask call $kind $port ask $length $port
    wait $! || fail "$kind: what the host sent, or asked for"
    ask finish $port
    did "$kind: $size each way, half-closed, connected from either side"
done

for kind in stream seqpacket; do
    for cid in 2 4 77; do
        guest-tool refused $kind $cid 4999
    done
done
did "refused ports: ECONNRESET at once"

ask echo 5000 "$connections"
guest-tool many 2 5000 "$connections"
ask finish 5000
did "$connections connections"

if [ "${SIBLING:-yes}" = yes ]; then
    ask wait-for sibling
    guest-tool connect stream 4 6000 ask $length 6000
    guest-tool connect seqpacket 4 6001 ask $length 6001
    did "$size to a sibling and back, both kinds"
fi

all_are_free() { [ "$(sockets)" -le "$before" ]; }
until_true 20 all_are_free
did "all packets were given back: every socket is freed"
[ "${SIBLING:-yes}" != yes ] || ask say done
