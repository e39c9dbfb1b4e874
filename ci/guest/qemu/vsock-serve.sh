#!/bin/sh
# Takes one connection of the host, and sends back what comes.
# Not more at once than fits a pipe that has room: socat would wait for itself.
socat -b 4096 VSOCK-LISTEN:77 PIPE >/tmp/serve.log 2>&1 &
