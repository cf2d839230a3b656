#!/usr/bin/env bash
# subprotocols.sh [PATTERN]: records the captures of subprotocols/ whose path matches. Needs the packages that subprotocols.mjs, variants.mjs, frontends.mjs, subprotocols.py and variants.py name, mosquitto
# and prosody. NAME.truth.json is what the ends wrote down, in the words of their interface.
. "$(dirname "$0")/lab.sh"
each() { # each SCRIPT RUNNER: all that the script lists
  local script=$1 runner=$2 name how shows
  while IFS=$'\t' read -r name how shows; do
    begin "subprotocols/$name.pcap" "$how" "$shows" || continue
    case $name in
    mqtt-5 | mqtt-5-alias | mqtt-paho)
      printf 'listener 1883 127.0.0.1\nlistener 9001\nprotocol websockets\nallow_anonymous true\npersistence false\nuser root\n' >"$scratch/mosquitto.conf"; serve A 9001 mosquitto -c "$scratch/mosquitto.conf" ;;
    xmpp)
      printf 'modules_enabled = { "roster", "saslauth", "websocket", "ping" }\nmodules_disabled = { "s2s" }\ndata_path = "%s/prosody"\npidfile = "%s/prosody.pid"\nrun_as_root = true\nlog = { error = "*console" }\nauthentication = "internal_plain"\nconsider_websocket_secure = true\ncross_domain_websocket = true\nc2s_require_encryption = false\nallow_unencrypted_plain_auth = true\nc2s_ports = {}\nhttp_ports = { 9001 }\nhttp_interfaces = { "*" }\nhttps_ports = {}\nhttp_default_host = "lab.test"\nVirtualHost "lab.test"\n' "$scratch" "$scratch" >"$scratch/prosody.lua"
      mkdir -p "$scratch/prosody"; prosodyctl --root --config "$scratch/prosody.lua" register crane lab.test made-up >/dev/null 2>&1; serve A 9001 prosody --root --config "$scratch/prosody.lua" -F ;;
    graphql-gql) serve A 9001 node $tools/subprotocols.mjs server 9001 graphql-transport-ws ;;
    jupyter*) serve A 9001 $runner $script server 9001 $name; sleep 1 ;;
    *) serve A 9001 $runner $script server 9001 $name ;;
    esac
    limit=40 run B $runner $script client 10.77.0.1 9001 $name </dev/null; finish no-truth
    [ -s "$TRUTH" ] && python3 $tools/told.py "$name" "$how" "$shows" "$($runner $script versions $name)" "$TRUTH" >"$out/subprotocols/$name.truth.json"
  done < <($runner $script list)
}
each $tools/subprotocols.mjs node
each $tools/variants.mjs node
each $tools/frontends.mjs node
each $tools/subprotocols.py $python
each $tools/variants.py $python
