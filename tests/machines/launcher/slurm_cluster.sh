#!/bin/sh
# The cluster of slurm_cluster.hpp, which executes this in new namespaces: slurm_cluster.sh FOLDER
#
# It says "the cluster is up" on its stdout, and ends with its stdin. All that it has started ends then.
set -e
folder=$1
export SLURM_CONF="$folder/slurm.conf"
for program in slurmctld slurmd srun munged ip; do
  command -v "$program" >/dev/null || { echo "there is no $program"; exit 1; }
done

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
