/* ----------------------------------------------------------------------
   Registers pair style mlip/rs with LAMMPS, https://www.lammps.org
   Compiled against headers of LAMMPS, hence under its licence: see ../LICENSE.
------------------------------------------------------------------------- */

#include "pair_mlip_rs.h"
#include "plugin_abi.h"

#include "error.h"
#include "lammps.h"

#include <cstring>

using namespace LAMMPS_NS;

namespace {

/* What LAMMPS says of the sources it was built from. Updates of one version have other classes under the same date, and
   a pair style made for one of them corrupts the memory of another. */
#ifdef MLIP_LAMMPS_DESCRIPTOR
const char *const BUILT_FOR = MLIP_LAMMPS_DESCRIPTOR;
#else
const char *const BUILT_FOR = nullptr;    // compiled where it is used
#endif

bool fits() { return !BUILT_FOR || strcmp(LAMMPS::git_descriptor(), BUILT_FOR) == 0; }

void *create(void *lmp)
{
  auto *lammps = static_cast<LAMMPS *>(lmp);
  if (!fits())
    lammps->error->all(FLERR,
                       "Pair style mlip/rs of this file is for LAMMPS {}, not for {}: install mlip-rs-lammps beside "
                       "the LAMMPS that runs, or compile it with `mlip-rs lammps build`",
                       BUILT_FOR, LAMMPS::git_descriptor());
  return new PairMLIPRS(lammps);
}

}    // namespace

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  lammpsplugin_t plugin;
  plugin.version = static_cast<LAMMPS *>(lmp)->version;
  plugin.style = "pair";
  plugin.name = "mlip/rs";
  plugin.info = "machine-learning potentials by sparse estimation";
  plugin.author = "mlip_rs";
  plugin.creator.v1 = &create;
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc>(regfunc)(&plugin, lmp);
}
