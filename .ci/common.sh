# shellcheck shell=bash
# What the scripts in this folder share; each of them sources it first. They work in the checkout
# that they lie in and use its .venv. Results, rendered scenes and other output go to a temporary
# folder, which the outermost script removes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -z "${SSLBENCH_CI_WORK:-}" ]; then
    SSLBENCH_CI_WORK=$(mktemp -d)
    SSLBENCH_CI_START=$(date +%s)
    export SSLBENCH_CI_WORK SSLBENCH_CI_START
    trap 'rm -rf "$SSLBENCH_CI_WORK"' EXIT
fi
work=$SSLBENCH_CI_WORK
export SSLBENCH_STORE=$work/store SSLBENCH_CACHE=$work/scenes SSLBENCH_STRICT_PLUGINS=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1

# Real recordings are optional: what needs them is skipped where there are none.
recordings=${SSLBENCH_TEST_DATA:-../shared/data}
if [ -d "$recordings" ]; then
    SSLBENCH_TEST_DATA=$(cd "$recordings" && pwd)
    export SSLBENCH_TEST_DATA
fi

# Print a heading with the seconds since the outermost script began.
step() { printf '\n== %s (%s s)\n' "$1" "$(($(date +%s) - SSLBENCH_CI_START))"; }

# Install the project with one of its extras into .venv, unless that was done since pyproject.toml
# changed.
install() {
    local stamp=.venv/.installed-$1
    if [ ! "$stamp" -nt pyproject.toml ]; then
        [ -x .venv/bin/python ] || python3 -m venv .venv
        .venv/bin/pip install -e ".[$1]"
        touch "$stamp"
    fi
}

# Type a command of the README: the first one that matches a pattern, exactly as it is printed.
type_readme() {
    local command
    command=$(sed -n "s/^    \\$ \\($1\\)\$/\\1/p" README.md | head -n 1)
    [ -n "$command" ] || { echo "README.md has no command like: $1" >&2; return 1; }
    step "README: $command"
    bash -euc "$command"
}
type_first_command() { type_readme 'python3 -m venv .*'; }
type_second_command() { type_readme '.*pytest -n logical'; }
