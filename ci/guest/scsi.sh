# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# The SCSI host: the file system's life on a disk, what sg3_utils says of it, and a second disk that
# comes, grows and goes.
. /guest/lib.sh

driver 8
until_true 20 test -b /dev/sda
until_true 20 test -c /dev/sg0

# says FILE TEXT: what a tool printed has to have this line.
says() {
    grep -q "$2" "$1" || {
        cat "$1"
        fail "nothing says: $2"
    }
}

# What the disk says of itself.
# The first commands hear of the unit attentions that a start brings.
sg_turs -n 5 /dev/sg0 2> /dev/null || sg_turs /dev/sg0
sg_inq /dev/sg0 > /tmp/inq
says /tmp/inq 'PQual=0 .*PDT=0'
sg_vpd --page=sn /dev/sg0 > /tmp/vpd
says /tmp/vpd 'guest-0'
sg_vpd --page=sv /dev/sg0 > /tmp/vpd
for page in 'Unit serial number' 'Device identification' 'Block limits' 'Logical block provisioning'; do
    says /tmp/vpd "$page"
done
sg_vpd --page=di /dev/sg0 > /tmp/vpd
says /tmp/vpd 'NAA'
sg_vpd --page=lbpv /dev/sg0 > /tmp/vpd
says /tmp/vpd 'LBPU=1'
sg_vpd --page=bl /dev/sg0 > /tmp/vpd
says /tmp/vpd 'Maximum unmap LBA count: '
sg_readcap --long /dev/sg0 > /tmp/cap
says /tmp/cap 'Last LBA=524287 '
says /tmp/cap 'Logical block length=512 bytes'
says /tmp/cap 'lbpme=1'
sg_luns /dev/sg0 > /tmp/luns
says /tmp/luns '1 lun entr'
sg_opcodes /dev/sg0 > /tmp/opcodes
for command in 'Read(10)' 'Write(16)' 'Synchronize cache(10)' 'Unmap' 'Persistent reserve out'; do
    grep -qi "$command" /tmp/opcodes || fail "sg_opcodes does not list $command"
done
did "sg_inq, sg_vpd, sg_readcap, sg_luns and sg_opcodes"

# Persistent reservations, over a registration's whole life.
sg_persist --in --read-keys /dev/sg0 > /tmp/pr
says /tmp/pr 'there are NO registered reservation keys'
sg_persist --out --register --param-sark=0xabc /dev/sg0 > /tmp/pr
sg_persist --in --read-keys /dev/sg0 > /tmp/pr
says /tmp/pr '0xabc'
sg_persist --out --reserve --param-rk=0xabc --prout-type=1 /dev/sg0 > /tmp/pr
sg_persist --in --read-reservation /dev/sg0 > /tmp/pr
says /tmp/pr 'Key=0xabc'
says /tmp/pr 'Write Exclusive'
if sg_persist --out --release --param-rk=0xdef --prout-type=1 /dev/sg0 > /tmp/pr 2>&1; then
    fail "another key releases the reservation"
fi
sg_persist --out --release --param-rk=0xabc --prout-type=1 /dev/sg0 > /tmp/pr
sg_persist --out --register --param-rk=0xabc --param-sark=0 /dev/sg0 > /tmp/pr
sg_persist --in --read-keys /dev/sg0 > /tmp/pr
says /tmp/pr 'there are NO registered reservation keys'
sg_persist --in --report-capabilities /dev/sg0 > /tmp/pr
did "sg_persist: register, reserve, release"

# One partition over all of it, and a file system's life.
printf 'n\np\n1\n2048\n\nw\n' | fdisk /dev/sda > /tmp/fdisk 2>&1 || true
until_true 10 test -b /dev/sda1
mkfs.ext4 -q -F /dev/sda1
mkdir -p /mnt
mount -t ext4 /dev/sda1 /mnt
dd if=/dev/urandom of=/mnt/file bs=1M count=48 conv=fsync 2>/dev/null
mkdir /mnt/many
for index in $(seq 200); do
    echo "$index" > "/mnt/many/$index"
done
sync /mnt/many/200
sum=$(sha256sum < /mnt/file)
umount /mnt
# What is read comes from the disk, not from memory.
echo 3 > /proc/sys/vm/drop_caches
mount -t ext4 -o ro /dev/sda1 /mnt
[ "$(sha256sum < /mnt/file)" = "$sum" ] || fail "the file has another checksum"
[ "$(cat /mnt/many/* | wc -l)" = 200 ] || fail "small files are missing"
if touch /mnt/new 2>/dev/null; then
    fail "a read-only file system takes a file"
fi
umount /mnt
e2fsck -fn /dev/sda1 > /tmp/fsck 2>&1 || {
    cat /tmp/fsck
    fail "e2fsck finds errors"
}
did "partition, mkfs, mount, fsync, checksum after remount read-only, e2fsck"

# Discarded blocks are holes in the host's file.
ask allocated
before=$answer
[ "$before" -ge 49152 ] || fail "48 MiB were written, and the host's file has $before KiB"
mount -t ext4 /dev/sda1 /mnt
rm /mnt/file
sync
fstrim /mnt
umount /mnt
ask allocated
[ "$answer" -le "$((before - 40960))" ] || fail "the host's file has $answer KiB, before discard $before"
did "discard: the host's file went from $before to $answer KiB"

# A second disk comes, is used, grows, and goes.
ask add 1 second
until_true 20 test -b /dev/sdb
[ "$(cat /sys/block/sdb/size)" = 65536 ] || fail "sdb has $(cat /sys/block/sdb/size) sectors"
unit=$(basename "$(readlink -f /sys/block/sdb/device)")
case $unit in
    *:0:1:0) ;;
    *) fail "sdb is $unit, and not unit 0 of target 1" ;;
esac
guest-tool put /dev/sdb 33554432 5
sync /dev/sdb
echo 3 > /proc/sys/vm/drop_caches
guest-tool check /dev/sdb 33554432 5
ask resize 1 50331648
# By the event alone, where nothing but the daemon decides whether there is one.
has_grown() {
    grep -q 'User Mode Linux' /proc/cpuinfo || echo 1 > /sys/block/sdb/device/rescan
    [ "$(cat /sys/block/sdb/size)" = 98304 ]
}
until_true 20 has_grown
ask remove 1
is_gone() { [ ! -e /sys/block/sdb ]; }
until_true 20 is_gone
did "a second disk hot-plugged, written, compared, grown, removed"

# What it answers to commands that Linux never sends.
if [ "${CONFORMANCE:-yes}" = yes ]; then
    . /guest/scsi-conformance.sh
fi

# Blocks of all sizes at random, deep queues, each compared.
fio --name=verify --filename=/dev/sda1 --thread --size=64M --direct=1 --ioengine=libaio \
    --iodepth=32 --rw=randwrite --bsrange=4k-128k --verify=crc32c --do_verify=1 --verify_fatal=1 \
    --fsync=64 --output=/tmp/fio > /tmp/fio.said 2>&1 || {
    cat /tmp/fio /tmp/fio.said
    fail "fio"
}
says /tmp/fio 'err= 0'
did "fio: 64 MiB at random, queues 32 deep, verified"
