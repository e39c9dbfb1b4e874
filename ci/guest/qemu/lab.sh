#!/bin/sh
# Loads the simulators of hardware, and shows the device nodes that they make.
set -e
load() { /usr/bin/modprobe -d /mnt/tmp/private "$@"; }
load gpio-sim
load i2c-dev
load i2c-stub chip_addr=0x50
load vcan
load can-raw
load snd-aloop
load uinput
load vivid n_devs=1
[ -d /sys/kernel/config/gpio-sim ] || mount -t configfs config /sys/kernel/config
chip=/sys/kernel/config/gpio-sim/lab
mkdir $chip $chip/bank0
echo 8 >$chip/bank0/num_lines
echo 1 >$chip/live
ip link add dev vcan0 type vcan
ip link set up vcan0
for try in $(seq 50); do
  [ -e /dev/gpiochip0 ] && [ -e /dev/video0 ] && [ -e /dev/snd/controlC0 ] && break
  sleep 0.1
done
bus=$(for name in /sys/bus/i2c/devices/i2c-*/name; do
  grep -q 'SMBus stub' $name && basename $(dirname $name); done)
# By a program of the host: that is where daemons will run.
chroot /mnt /bin/ls -l /dev/gpiochip0 /dev/$bus $(echo /dev/snd/controlC* /dev/snd/pcm* /dev/video*) /dev/uinput
cat /sys/class/net/vcan0/operstate
[ -c /dev/gpiochip0 ] && [ -c /dev/$bus ] && [ -c /dev/uinput ] && [ -c /dev/video0 ]
ls /dev/snd/pcmC*D0p >/dev/null
[ -d /sys/class/net/vcan0 ]
