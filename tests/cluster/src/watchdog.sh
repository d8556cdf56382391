# Ends a cluster that nobody uses any more. Users are files named after their processes; one that was killed leaves its file
# behind and counts for nothing. Arguments: the folder, seconds without users, longest life in seconds, then the command that
# runs the server, if that is this script's to do.
folder=$1 idle_max=$2 life_max=$3
shift 3
cd / || exit 1
[ $# -eq 0 ] || "$@" >>"$folder/log" 2>&1 &

lives() { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; }

alone() {
    for user in "$folder"/users/*; do
        [ -e "$user" ] || continue
        lives "${user##*/}" && return 1
        rm -f "$user"
    done
}

idle=0 age=0
while [ -d "$folder/data" ] && [ "$age" -lt "$life_max" ]; do
    sleep 1
    idle=$((idle + 1)) age=$((age + 1))
    alone || idle=0
    [ "$idle" -ge "$idle_max" ] || continue
    # Who comes now either finds no mark, or its own file is found here.
    mv "$folder/ready" "$folder/ending" 2>/dev/null
    alone && break
    mv "$folder/ending" "$folder/ready" 2>/dev/null
    idle=0
done

server=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null)
if [ -n "$server" ]; then
    kill -QUIT "$server" 2>/dev/null
    waited=0
    while kill -0 "$server" 2>/dev/null && [ "$waited" -lt 100 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
fi
for pooler in "$folder"/pooler-*/pid; do
    [ -e "$pooler" ] && kill -KILL "$(cat "$pooler")" 2>/dev/null
done
rm -rf "$folder"
