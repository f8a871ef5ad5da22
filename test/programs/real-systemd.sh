#!/bin/sh
# A real `systemd --user`, in namespaces of its own that nothing of the machine is seen from; runs "$@" beside it.
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/system /run/user/0 /run/home/.config/systemd/user
export HOME=/run/home XDG_RUNTIME_DIR=/run/user/0 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus
printf '[Unit]\nDescription=Ollama Service\n[Service]\nExecStart=/bin/sleep 600\n' >"$HOME/.config/systemd/user/ollama.service"
printf '[Service]\nExecStart=/bin/false\n' >"$HOME/.config/systemd/user/llama-server.service"
dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --fork --nopidfile
/lib/systemd/systemd --user >/dev/null 2>&1 &
until systemctl --user show >/dev/null 2>&1; do sleep 0.05; done
exec "$@"
