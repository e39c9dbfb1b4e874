#!/bin/sh
# Writes and checks a file over and over, until it is told to stop.
# Usage: load.sh start | more | stop
case $1 in
start)
  rm -f /tmp/stop /tmp/ended /tmp/bad
  : >/tmp/rounds
  mount /dev/sda1 /mnt || exit 1
  while [ ! -e /tmp/stop ]; do
    head -c 2097152 /dev/urandom >/mnt/load && sync || echo "cannot write" >>/tmp/bad
    sum=$(md5sum </mnt/load)
    echo 1 >/proc/sys/vm/drop_caches
    [ "$(md5sum </mnt/load)" = "$sum" ] || echo "it differs" >>/tmp/bad
    echo >>/tmp/rounds
  done && umount /mnt && touch /tmp/ended &
  ;;
more)
  # At least three rounds from now.
  goal=$(($(wc -l </tmp/rounds) + 3))
  while [ $(wc -l </tmp/rounds) -lt $goal ]; do
    [ ! -e /tmp/bad ] || { cat /tmp/bad; exit 1; }
    sleep 0.1
  done
  ;;
stop)
  touch /tmp/stop
  while [ ! -e /tmp/ended ]; do sleep 0.1; done
  [ ! -e /tmp/bad ] || { cat /tmp/bad; exit 1; }
  ;;
esac
