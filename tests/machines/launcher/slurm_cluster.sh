#!/bin/sh
# A real Slurm cluster for tests, which execute this in new namespaces (slurm_cluster.hpp): slurm_cluster.sh FOLDER
#
# It says "the cluster is up" on its stdout, and ends with its stdin. All that it has started ends then.
set -e
folder=$1
export SLURM_CONF="$folder/slurm.conf"
for program in slurmctld slurmd srun munged ip; do
  command -v "$program" >/dev/null || { echo "there is no $program"; exit 1; }
done

cat >"$folder/cgroup.conf" <<END
CgroupPlugin=cgroup/v1
CgroupAutomount=no
ConstrainCores=no
END
cat >"$folder/slurm.conf" <<END
ClusterName=coproc
SlurmctldHost=h0(10.77.0.10)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.sock
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0
StateSaveLocation=$folder/ctld
SlurmdSpoolDir=$folder/spool.%n
SlurmctldPidFile=$folder/ctld.pid
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmctldLogFile=$folder/ctld.log
SlurmdLogFile=$folder/slurmd.%n.log
SlurmctldTimeout=30
SlurmdTimeout=30
InactiveLimit=0
KillWait=2
MinJobAge=10
Waittime=0
NodeName=h1 NodeAddr=10.77.0.11 CPUs=4 RealMemory=1000 State=UNKNOWN
NodeName=h2 NodeAddr=10.77.0.12 CPUs=4 RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes=h1,h2 Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
END

mount -t tmpfs tmpfs /run
mkdir -p /run/netns "$folder/ctld" "$folder/spool.h1" "$folder/spool.h2"
ip netns add sw
ip -n sw link add br0 type bridge
ip -n sw link set br0 up
for i in 0 1 2; do
  ip netns add "h$i"
  ip -n "h$i" link add eth0 type veth peer name "v$i" netns sw
  ip -n sw link set "v$i" master br0 up
  ip -n "h$i" addr add "10.77.0.1$i/24" dev eth0
  ip -n "h$i" link set eth0 up
  ip -n "h$i" link set lo up
done

head -c 128 /dev/urandom >"$folder/munge.key"
chmod 600 "$folder/munge.key"
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.sock" --pid-file="$folder/munged.pid" \
  --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"

on() {
  i=$1
  shift
  ip netns exec "h$i" unshare --uts sh -c "hostname h$i; exec \"\$@\"" sh "$@"
}
on 0 slurmctld -c
on 1 slurmd -N h1
on 2 slurmd -N h2
for try in $(seq 600); do
  [ "$(on 0 sinfo -h -t idle -o %D)" = 2 ] && break
  sleep 0.1
done
[ "$(on 0 sinfo -h -t idle -o %D)" = 2 ] || { echo "its nodes did not come up"; exit 1; }
echo "the cluster is up"
exec cat >/dev/null
