/* ----------------------------------------------------------------------
   Pair style of mlip_rs for LAMMPS, https://www.lammps.org
   Compiled against headers of LAMMPS, hence under its licence: see ../LICENSE.
------------------------------------------------------------------------- */

#include "pair_mlip_rs.h"

#include "mlip_rs.h"

#include "atom.h"
#include "citeme.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "modify.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <cmath>
#include <cstdio>
#include <cstring>

using namespace LAMMPS_NS;

static const char CITATION[] =
    "pair_style mlip/rs: sparse linear models of energies, doi:10.1103/PhysRevB.99.214108\n\n"
    "@article{Seko2019,\n"
    " author = {A. Seko and A. Togo and I. Tanaka},\n"
    " title = {Group-theoretical high-order rotational invariants for structural representations},\n"
    " journal = {Phys. Rev. B},\n"
    " volume = 99,\n"
    " pages = 214108,\n"
    " year = 2019\n"
    "}\n\n";

void PairMLIPRS::PotentialDeleter::operator()(mlip_potential *handle) const
{
  mlip_potential_close(handle);
}

void PairMLIPRS::EvaluatorDeleter::operator()(mlip_evaluator *handle) const
{
  mlip_evaluator_close(handle);
}

PairMLIPRS::PairMLIPRS(LAMMPS *lmp) :
    Pair(lmp), index(nullptr), index_length(0), index_flag(0), threads(1), has_neighbors(false), known_build(-1)
{
  if (mlip_abi_version() != MLIP_ABI_VERSION)
    error->all(FLERR,
               "Pair style mlip/rs needs version {} of the library mlip_c, but has found {}: install "
               "mlip-rs-lammps again",
               MLIP_ABI_VERSION, mlip_abi_version());
  restartinfo = 0;
  single_enable = 0;
  one_coeff = 1;
  manybody_flag = 1;
  centroidstressflag = CENTROID_AVAIL;
  comm_reverse = 1;
  nextra = 1;
  pvector = new double[1]();
  if (lmp->citeme) lmp->citeme->add(CITATION);
}

PairMLIPRS::~PairMLIPRS()
{
  if (copymode) return;
  delete[] pvector;
  memory->destroy(index);
  if (!allocated) return;
  memory->destroy(setflag);
  memory->destroy(cutsq);
}

void PairMLIPRS::allocate()
{
  const int n = atom->ntypes;
  memory->create(setflag, n + 1, n + 1, "pair:setflag");
  memory->create(cutsq, n + 1, n + 1, "pair:cutsq");
  for (int i = 1; i <= n; ++i)
    for (int j = 1; j <= n; ++j) setflag[i][j] = 0;
  allocated = 1;
}

void PairMLIPRS::settings(int narg, char **arg)
{
  threads = 1;
  if (narg == 0) return;
  if (strcmp(arg[0], "threads") != 0)
    error->all(FLERR, "Pair style mlip/rs: unknown argument {}; known is: threads N", arg[0]);
  if (narg != 2 || !utils::is_integer(arg[1]))
    error->all(FLERR, "Pair style mlip/rs: threads takes one whole number, as in: pair_style mlip/rs threads 2");
  threads = utils::inumeric(FLERR, arg[1], false, lmp);
  if (threads < 1 || threads > 1024)
    error->all(FLERR, "Pair style mlip/rs: threads {} must be from 1 to 1024", threads);
}

/* The whole file, read by one rank. */
std::string PairMLIPRS::text_of(const std::string &path) const
{
  std::string text;
  bigint size = -1;
  if (comm->me == 0) {
    FILE *file = utils::open_potential(path, lmp, nullptr);
    if (file) {
      char part[65536];
      size_t n;
      while ((n = fread(part, 1, sizeof part, file)) > 0) text.append(part, n);
      if (!ferror(file)) size = static_cast<bigint>(text.size());
      fclose(file);
    }
  }
  MPI_Bcast(&size, 1, MPI_LMP_BIGINT, 0, world);
  if (size < 0)
    error->all(FLERR, "Pair style mlip/rs: cannot read potential file {}; check that this path names a file", path);
  constexpr bigint LARGEST = 1 << 28;
  if (size > LARGEST)
    error->all(FLERR, "Pair style mlip/rs: {} has {} bytes, which no potential has", path, size);
  text.resize(static_cast<size_t>(size));
  MPI_Bcast(&text[0], static_cast<int>(size), MPI_CHAR, 0, world);
  return text;
}

void PairMLIPRS::coeff(int narg, char **arg)
{
  if (narg < 3 || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    error->all(FLERR,
               "Pair style mlip/rs expects: pair_coeff * * FILE element ..., in hybrid styles: pair_coeff * * mlip/rs "
               "FILE element ... with NULL for types of other styles");
  if (narg != 3 + atom->ntypes)
    error->all(FLERR,
               "Pair style mlip/rs: pair_coeff names {} elements, but there are {} atom types; name one for "
               "each, NULL for those of other pair styles",
               narg - 3, atom->ntypes);
  const std::string path(arg[2]), text = text_of(path);
  mlip_potential *opened = nullptr;
  char message[1000];
  if (mlip_potential_open(text.data(), text.size(), &opened, message, sizeof message) != MLIP_STATUS_OK)
    error->all(FLERR, "Pair style mlip/rs: {}: {}", path, message);
  evaluator.reset();
  potential.reset(opened);
  mlip_evaluator *made = nullptr;
  if (mlip_evaluator_open(opened, static_cast<uint32_t>(threads), &made) != MLIP_STATUS_OK)
    error->one(FLERR, "Pair style mlip/rs: {} threads cannot be started; ask for fewer", threads);
  evaluator.reset(made);
  has_neighbors = false;
  path_of_potential = path;
  if (!allocated) allocate();
  map_types(narg - 3, arg + 3, path);
}

/* Elements of the types; pairs of two types with elements are ours. */
void PairMLIPRS::map_types(int n, char **names, const std::string &path)
{
  species_of_type.assign(static_cast<size_t>(n) + 1, -1);
  for (int type = 1; type <= n; ++type) {
    const char *name = names[type - 1];
    if (strcmp(name, "NULL") == 0) continue;
    const int found = mlip_potential_species(potential.get(), name);
    if (found < 0) {
      std::string known;
      for (size_t k = 0; k < mlip_potential_elements(potential.get()); ++k)
        known += std::string(k ? " " : "") + mlip_potential_element(potential.get(), k);
      error->all(FLERR,
                 "Pair style mlip/rs: {} knows {}, but not {} of atom type {}; name one of its elements, or NULL in "
                 "hybrid styles",
                 path, known, name, type);
    }
    species_of_type[static_cast<size_t>(type)] = static_cast<int16_t>(found);
  }
  int count = 0;
  for (int i = 1; i <= n; ++i)
    for (int j = 1; j <= n; ++j) {
      const bool ours =
          species_of_type[static_cast<size_t>(i)] >= 0 && species_of_type[static_cast<size_t>(j)] >= 0;
      setflag[i][j] = ours && i <= j ? 1 : 0;
      count += setflag[i][j];
    }
  if (count == 0) error->all(FLERR, "Pair style mlip/rs: pair_coeff gives no atom type an element; name at least one");
}

void PairMLIPRS::init_style()
{
  if (strcmp(update->unit_style, "metal") != 0)
    error->all(FLERR,
               "Pair style mlip/rs needs units metal (eV, Angstrom), not {}; begin the input with: units metal",
               update->unit_style);
  if (force->newton_pair == 0)
    error->all(FLERR, "Pair style mlip/rs needs newton on: forces on ghost atoms go back to their owners");
  if (neighbor->nex_type + neighbor->nex_group + neighbor->nex_mol > 0 && comm->me == 0)
    error->warning(FLERR,
                   "Pair style mlip/rs: neigh_modify exclude takes neighbours from atoms, which changes their "
                   "many-body energy");
  neighbor->add_request(this, NeighConst::REQ_FULL);
  has_neighbors = false;
}

double PairMLIPRS::init_one(int i, int j)
{
  if (setflag[i][j] == 0 && setflag[j][i] == 0) error->all(FLERR, "All pair coeffs are not set");
  return mlip_potential_cutoff(potential.get());
}

void PairMLIPRS::set_neighbors()
{
  const int n_all = atom->nlocal + atom->nghost;
  mlip_rows rows;
  rows.n_all = static_cast<size_t>(n_all);
  rows.species = species.data();
  rows.positions = n_all > 0 ? atom->x[0] : nullptr;
  rows.n_centers = static_cast<size_t>(list->inum);
  rows.centers = list->ilist;
  rows.counts = list->numneigh;
  rows.rows = list->firstneigh;
  rows.mask = NEIGHMASK;
  has_neighbors = false;
  if (mlip_set_neighbors(evaluator.get(), &rows) != MLIP_STATUS_OK) raise_failure();
  has_neighbors = true;
  known_build = neighbor->ncalls;
}

/* Whether LAMMPS may have built a list since the evaluator took one. Its count of them begins anew where a part of a
   run is set up without init (as each frame of rerun), so that many lists have the same number; a new one has no
   age. */
bool PairMLIPRS::list_is_new() const
{
  return neighbor->ncalls != known_build || neighbor->ago == 0;
}

/* One rank speaks of its own atoms, by their IDs in place of their numbers here. */
void PairMLIPRS::raise_failure() const
{
  int64_t atoms[2];
  mlip_offenders(evaluator.get(), atoms);
  std::string message = mlip_message(evaluator.get());
  if (atoms[0] >= 0 && atom->tag_enable) {
    const bool two = atoms[1] >= 0;
    const auto here = two ? fmt::format("atoms {} and {}", atoms[0], atoms[1]) : fmt::format("atom {}", atoms[0]);
    const auto ids = two ? fmt::format("atom IDs {} and {}", atom->tag[atoms[0]], atom->tag[atoms[1]])
                         : fmt::format("atom ID {}", atom->tag[atoms[0]]);
    const size_t at = message.find(here);
    if (at == std::string::npos)
      message += " (" + ids + ")";
    else
      message.replace(at, here.size(), ids);
  }
  error->one(FLERR, "Pair style mlip/rs, step {}: {}", update->ntimestep, message);
}

void PairMLIPRS::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  const int n_all = atom->nlocal + atom->nghost;
  species.resize(static_cast<size_t>(n_all));
  for (int i = 0; i < n_all; ++i)
    species[static_cast<size_t>(i)] = species_of_type[static_cast<size_t>(atom->type[i])];

  if (!has_neighbors || list_is_new()) set_neighbors();
  mlip_output output = {};
  const bool has_index = mlip_potential_has_index(potential.get()) != 0;
  const bool largest_is_wanted = eflag_global && has_index && !modify->get_compute_by_style("^pair$").empty();
  if (index_flag || largest_is_wanted) {
    if (!has_index)
      error->all(FLERR,
                 "Pair style mlip/rs: {} has no index of anomaly; fit it again, which makes one",
                 path_of_potential);
    anomalies.assign(2 * static_cast<size_t>(n_all), 0.0);
    if (n_all > 0) output.anomalies = anomalies.data();
  }
  if (n_all > 0) {
    output.forces = atom->f[0];
    if (eflag_atom) output.energies = eatom;
    if (vflag_atom) output.virials = vatom[0];
    if (cvflag_atom) output.centroid_virials = cvatom[0];
  }
  if (eflag_global) output.energy = &eng_vdwl;
  if (vflag_global) output.virial = virial;
  const double *x = n_all > 0 ? atom->x[0] : nullptr;
  const auto n = static_cast<size_t>(n_all);
  mlip_status status = mlip_evaluate(evaluator.get(), n, x, species.data(), &output);
  if (status == MLIP_STATUS_STALE_NEIGHBORS) {    // types have changed under the same list
    set_neighbors();
    status = mlip_evaluate(evaluator.get(), n, x, species.data(), &output);
  }
  if (status != MLIP_STATUS_OK) raise_failure();
  if (index_flag || largest_is_wanted) average_anomalies();
  if (vflag_fdotr) virial_fdotr_compute();
}

/* An index for each atom that LAMMPS has room for. */
void PairMLIPRS::make_room()
{
  if (index && index_length >= atom->nmax) return;
  const int known = index_length;
  index_length = atom->nmax > 0 ? atom->nmax : 1;
  memory->grow(index, index_length, "pair:index");
  for (int i = known; i < index_length; ++i) index[i] = 0.0;
}

/* The index of our atoms, once what their ghosts have got elsewhere has come back. Atoms of other styles have none. The
   largest is the number that compute pair has beside the energy: it sums what the ranks have. */
void PairMLIPRS::average_anomalies()
{
  comm->reverse_comm(this);
  make_room();
  double own = 0.0;
  for (int i = 0; i < atom->nlocal; ++i) {
    const double *sums = &anomalies[2 * static_cast<size_t>(i)];
    index[i] = sums[1] > 0.0 ? sqrt(sums[0] / sums[1]) : 0.0;
    own = index[i] > own ? index[i] : own;
  }
  double largest = 0.0;
  MPI_Allreduce(&own, &largest, 1, MPI_DOUBLE, MPI_MAX, world);
  pvector[0] = comm->me == 0 ? largest : 0.0;
}

int PairMLIPRS::pack_reverse_comm(int n, int first, double *buffer)
{
  for (int i = 0; i < n; ++i) buffer[i] = anomalies[2 * static_cast<size_t>(first + i)];
  return n;
}

void PairMLIPRS::unpack_reverse_comm(int n, int *list, double *buffer)
{
  for (int i = 0; i < n; ++i) anomalies[2 * static_cast<size_t>(list[i])] += buffer[i];
}

/* The flag that fix pair sets in the steps in which it takes the index. */
void *PairMLIPRS::extract(const char *name, int &dimension)
{
  dimension = 0;
  return strcmp(name, "index_flag") == 0 ? &index_flag : nullptr;
}

/* The index of anomaly of each atom, as of the last step in which the flag was set. */
void *PairMLIPRS::extract_peratom(const char *name, int &n_columns)
{
  n_columns = 0;
  if (strcmp(name, "index") != 0) return nullptr;
  make_room();
  return index;
}

double PairMLIPRS::memory_usage()
{
  return Pair::memory_usage() + mlip_memory(evaluator.get()) +
      static_cast<double>(species.capacity() * sizeof(int16_t) + anomalies.capacity() * sizeof(double)) +
      index_length * static_cast<double>(sizeof(double));
}
