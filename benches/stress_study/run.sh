#!/bin/bash
# usage: run.sh script args
export PYTHONPATH=TREE/python MLIP_RS_NUM_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
exec nice -n 15 python "$@"
