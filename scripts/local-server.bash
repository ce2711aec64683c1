# Sourced by scripts/postgres and scripts/nats: what they share about a server that belongs to one
# folder, its home. The port is remembered in <home>/port.

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# The lowest port from $1 on that nobody listens on.
free_port() {
    local port
    for ((port = $1; port < 65536; port++)); do
        if ! (: </dev/tcp/127.0.0.1/"$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# Calls `$3 <port>` with the remembered port of home $1, or a free one from $2 on, until it works.
# A server that was killed a moment ago may still be letting go of its port and its memory, and
# another process may take a port between the look and the start: hence more than one try.
start_on_free_port() {
    local home=$1 lowest=$2 start=$3 wanted port
    wanted=$(cat "$home/port" 2>/dev/null || echo "$lowest")
    if [[ -e $home/port && $(free_port "$wanted") != "$wanted" ]]; then
        sleep 1
    fi
    for _ in 1 2 3; do
        port=$(free_port "$wanted")
        if "$start" "$port"; then
            echo "$port" >"$home/port"
            return
        fi
        sleep 1
    done
    fail "could not be started: see the log in $home"
}

# Whether process $1 is alive and works in folder $2. A pid file alone says little: after a crash
# its number may belong to a stranger.
runs_in() {
    [[ $1 =~ ^[0-9]+$ && $(readlink "/proc/$1/cwd") == "$2" ]]
}

# Creates home $1 and locks it until this script ends. Servers must be started with `9>&-`.
lock_home() {
    mkdir -p "$1"
    [[ -O $1 ]] || fail "$1 belongs to $(stat -c %U "$1"): run this as that user, or remove it"
    exec 9>"$1/lock"
    flock 9
}
