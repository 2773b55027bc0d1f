/* ----------------------------------------------------------------------
   Pair style of mlip_rs for LAMMPS, https://www.lammps.org
   Compiled against headers of LAMMPS, hence under its licence: see ../LICENSE.
------------------------------------------------------------------------- */

#ifndef LMP_PAIR_MLIP_RS_H
#define LMP_PAIR_MLIP_RS_H

#include "pair.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct mlip_evaluator;
struct mlip_potential;

namespace LAMMPS_NS {

/* pair_style mlip/rs [threads N]
   pair_coeff * * FILE element ... (one for each type, NULL for types of other pair styles)
   fix ID all pair N mlip/rs index 1 (the index of anomaly of each atom)
   compute ID all pair mlip/rs (energy; as the only element of the vector the largest index) */
class PairMLIPRS : public Pair {
 public:
  explicit PairMLIPRS(class LAMMPS *);
  ~PairMLIPRS() override;

  void settings(int, char **) override;
  void coeff(int, char **) override;
  void init_style() override;
  double init_one(int, int) override;
  void compute(int, int) override;
  double memory_usage() override;
  void *extract(const char *, int &) override;
  void *extract_peratom(const char *, int &) override;
  int pack_reverse_comm(int, int, double *) override;
  void unpack_reverse_comm(int, int *, double *) override;

 private:
  struct PotentialDeleter {
    void operator()(mlip_potential *) const;
  };
  struct EvaluatorDeleter {
    void operator()(mlip_evaluator *) const;
  };

  void allocate();
  std::string text_of(const std::string &) const;
  void map_types(int, char **, const std::string &);
  void set_neighbors();
  bool list_is_new() const;
  void raise_failure() const;
  void make_room();
  void average_anomalies();

  std::unique_ptr<mlip_potential, PotentialDeleter> potential;
  std::unique_ptr<mlip_evaluator, EvaluatorDeleter> evaluator;
  std::vector<int16_t> species_of_type;    // -1: not ours
  std::vector<int16_t> species;            // of all atoms and ghosts
  std::vector<double> anomalies;           // two sums of each atom and ghost
  double *index;                           // of each atom, as long as LAMMPS' arrays
  int index_length;
  int index_flag;                          // whether somebody wants it in this step
  std::string path_of_potential;
  int threads;
  bool has_neighbors;
  bigint known_build;    // build of LAMMPS' list that the evaluator has seen
};

}    // namespace LAMMPS_NS

#endif
