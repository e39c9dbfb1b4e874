#!/bin/sh
# Bytes both ways with a half-close between them, and a port that nobody listens on.
# Usage: vsock.sh BYTES
set -e
head -c $1 /dev/urandom >/tmp/out
# The host sends back what it got, once it has all of it.
socat -t 60 - VSOCK-CONNECT:2:1234 </tmp/out >/tmp/in
cmp /tmp/out /tmp/in
start=$(cut -d. -f1 /proc/uptime)
if socat -u /dev/null VSOCK-CONNECT:2:9 2>/tmp/said; then echo "port 9 was not refused"; exit 1; fi
grep -q 'reset by peer' /tmp/said || { cat /tmp/said; exit 1; }
[ $(($(cut -d. -f1 /proc/uptime) - start)) -lt 5 ]
