#!/usr/bin/env bash
# tutorials.sh [PATTERN]: records the captures of tutorials/ whose path matches: the systems people learn from, with what they are tried with.
. "$(dirname "$0")/lab.sh"
it=$tools/tutorials.mjs
while IFS=$'\t' read -ra f; do
  file=${f[0]}.pcap; [ ${f[0]} = ignores-64-bit-lengths ] && file+=.gz
  begin "tutorials/$file" "${f[1]}" "${f[2]}" || continue
  serve A 9001 node $it server 9001 "${f[0]}"
  case ${f[3]} in
  client) run B node $it client 10.77.0.1 9001 "${f[0]}" </dev/null ;;
  curl) ip netns exec $B curl "${f[@]:5}" http://10.77.0.1:9001/ </dev/null || [ $? = 28 ] ;;
  chromium) web=9001 chromium http://10.77.0.1:9001/ </dev/null ;;
  esac
  if [ "${f[4]}" = truth ]; then finish; else
    finish no-truth; python3 $tools/told.py "${f[0]}" "${f[1]}" "${f[2]}" '{}' "$TRUTH" >"$out/tutorials/${f[0]}.truth.json"
  fi
done < <(node $it list)
if begin tutorials/websockets-deflate.pcap "Python websockets" "the echo server and the client of the documentation of websockets: permessage-deflate as it comes"; then
  serve A 9001 $python $tools/endpoints_websockets.py server 9001 deflate "$TRUTH"; run B $python $tools/endpoints_websockets.py client 10.77.0.1 9001 deflate "$TRUTH"; finish
fi
