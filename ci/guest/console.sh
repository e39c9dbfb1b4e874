# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# The console device: a console on a terminal, and two ports with names.
. /guest/lib.sh

length=${LENGTH:-16777216}

driver 3

# port NAME: the device node of the port.
port() {
    for candidate in /sys/class/virtio-ports/vport*; do
        if [ "$(cat "$candidate/name" 2>/dev/null)" = "$1" ]; then
            path=/dev/$(basename "$candidate")
            return 0
        fi
    done
    return 1
}
until_true 10 port org.test.one
one=$path
until_true 10 port org.test.two
two=$path
did "ports $(basename "$one") and $(basename "$two") by name"

# exchange FILE-DESCRIPTOR HOST'S-SEED OWN-SEED: both ways at the same time.
exchange() {
    eval "guest-tool check - $length $2 <&$1" &
    receiver=$!
    eval "guest-tool put - $length $3 >&$1" || return 1
    wait $receiver
}

# A port can be open only once, and input waits until it is.
exec 3<> "$one" 4<> "$two"
ask both one $length 11 12
ask both two $length 21 22
exchange 3 11 12 &
first=$!
exchange 4 21 22 || fail "port two lost bytes"
wait $first || fail "port one lost bytes"
ask finish one
ask finish two
did "$((length >> 20)) MiB both ways on two ports at once, every byte compared"
exec 3>&- 4>&-

until_true 10 test -c /dev/hvc0
exec 5<> /dev/hvc0
stty raw -echo <&5
ask resize 101 37
size_is() { [ "$(stty size <&5)" = "$1" ]; }
until_true 15 size_is "37 101"
ask resize 80 25
until_true 15 size_is "25 80"
did "stty sees two sizes"

ask type morning evening
read -r line <&5
[ "$line" = morning ] || fail "hvc0 has: $line"
echo evening >&5
ask finish type
did "lines both ways on hvc0"
