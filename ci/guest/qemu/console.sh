#!/bin/sh
# What goes out of a port comes back from the host; BYTES by port 1, fewer by port 2.
# Usage: console.sh BYTES
set -e
back() {
  port=$(ls -d /dev/vport*p$1)
  head -c $2 /dev/urandom >/tmp/out
  exec 3<>$port
  cat /tmp/out >&3 &
  head -c $2 <&3 >/tmp/in
  wait
  exec 3>&-
  cmp /tmp/out /tmp/in
}
back 1 $1
back 2 1000
echo "a line from the guest" >/dev/hvc0
