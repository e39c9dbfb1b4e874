# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# The guest with CID 4, which the one with CID 3 connects to.
. /guest/lib.sh

length=${LENGTH:-67108864}

driver 19

guest-tool listen stream 6000 reply $length 6000 > /tmp/stream &
stream=$!
guest-tool listen seqpacket 6001 reply $length 6001 > /tmp/seqpacket &
seqpacket=$!
until_true 10 grep -q listening /tmp/stream
until_true 10 grep -q listening /tmp/seqpacket
ask say sibling
wait $stream || fail "the stream"
wait $seqpacket || fail "the messages"
did "the sibling compared all it got"
# The other guest's last bytes are on their way as long as this one is there.
ask wait-for done
