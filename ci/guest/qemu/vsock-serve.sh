#!/bin/sh
# Takes one connection of the host, and sends back what comes.
socat VSOCK-LISTEN:77 PIPE >/tmp/serve.log 2>&1 &
