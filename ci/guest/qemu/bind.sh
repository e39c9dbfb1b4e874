#!/bin/sh
# Loads the drivers, and tells which one each device has.
# Usage: bind.sh MODULES DRIVERS
# By its path: the shell prefers applets of busybox, and its own modprobe knows less.
set -e
for module in $1; do /usr/bin/modprobe "$module"; done
for driver in $2; do
  for try in $(seq 100); do
    set -- /sys/bus/virtio/drivers/$driver/virtio*
    [ -e "$1" ] && break
    sleep 0.1
  done
  [ -e "$1" ] || { echo "$driver has bound no device"; exit 1; }
  echo "$driver: ${1##*/}"
done
