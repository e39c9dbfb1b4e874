# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# libiscsi's tests of what a disk answers, on a disk that is only for them. Read by scsi.sh.
#
# What the device does not have, they find out and pass over: COMPARE AND WRITE, EXTENDED COPY, GET LBA
# STATUS, ORWRITE, PRE-FETCH, WRITE ATOMIC, WRITE AND VERIFY, READ DEFECT DATA, SANITIZE, RESERVE,
# removable media; and what takes an iSCSI session, or two ways to one disk.

# Those that cannot pass here, each with its reason.
cat > /tmp/cu.left-out << 'END'
ReportLUNs                      speaks iSCSI alone, and crashes where there is no session
ReadOnly                        on a read-only disk sends WRITE SAME without its block, which is an overrun
Inquiry.BlockLimits             wants an UNMAP of at most 2^20 blocks, which no standard does; ours is 2 GiB
WriteSame10.InvalidDataOutSize  wants sense data for a buffer of another size: by VIRTIO 1.3 (5.6.6.1) it
WriteSame16.InvalidDataOutSize  is an overrun where it is too small, and a residual where it is too large
END

# conformance DEVICE: runs the tests, and counts in $passed those that found something to test, in
# $passed_over the others. One that fails is the end.
conformance() {
    iscsi-test-cu --list > /tmp/cu.all
    awk '
        BEGIN { while ((getline < "/tmp/cu.left-out") > 0) left_out[$1] }
        { split($0, part, "[.]") }
        part[1] == "SCSI" && part[3] != "" && !(part[2] in left_out) && !(part[2] "." part[3] in left_out)
    ' /tmp/cu.all > /tmp/cu.list
    status=0
    iscsi-test-cu --dataloss --Verbose-scsi --test=/tmp/cu.list "$1" > /tmp/cu.said 2>&1 || status=$?
    awk '
        function ended() {
            if (test != "") print verdict, test
            test = ""
        }
        /^Suite: / { ended(); suite = $2 }
        /^  Test: / { ended(); test = suite "." $2; verdict = "unfinished" }
        /\[SKIPPED\]/ { if (verdict == "unfinished") verdict = "over" }
        /^passed|\.\.\.passed/ { if (verdict == "unfinished") verdict = "passed" }
        /^FAILED|\.\.\.FAILED/ { verdict = "failed" }
        /^Run Summary/ { ended() }
        END { ended() }
    ' /tmp/cu.said > /tmp/cu.verdicts
    # Total, run, passed, failed, inactive: by the library itself.
    counts=$(awk '/^Run Summary/ { end = 1 } end && $1 == "tests" { print $2, $3, $4, $5, $6 }' /tmp/cu.said)
    all=$(wc -l < /tmp/cu.list)
    failed=$(awk '$1 == "failed" || $1 == "unfinished" { print $2 }' /tmp/cu.verdicts)
    if [ "$status" != 0 ] || [ "$counts" != "$all $all $all 0 0" ] || [ -n "$failed" ]; then
        grep -A 3 -e '\[FAILED\]' -e '^FAILED' /tmp/cu.said | tail -n 40
        tail -n 12 /tmp/cu.said
        fail "libiscsi's tests end with $status, counts '$counts' of $all:" $failed
    fi
    passed=$(grep -c '^passed ' /tmp/cu.verdicts) || true
    passed_over=$(grep -c '^over ' /tmp/cu.verdicts) || true
    [ "$((passed + passed_over))" = "$all" ] || fail "libiscsi: $passed and $passed_over are not $all"
}

ask add 2 third
is_there() { ls -d /sys/class/scsi_device/*:0:2:*/device/block/* > /dev/null 2>&1; }
until_true 20 is_there
sg=/dev/$(basename /sys/class/scsi_device/*:0:2:*/device/scsi_generic/*)
# The first commands hear of the unit attentions that a start brings.
sg_turs -n 5 "$sg" > /dev/null 2>&1 || sg_turs "$sg"
conformance "$sg"
# They were 104: with fewer, something that is there was passed over.
[ "$passed" -ge 100 ] || fail "only $passed of libiscsi's tests found something to test"
ask remove 2
did "libiscsi: $passed tests passed, $passed_over had nothing here to test"
