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
   pair_coeff * * FILE element ... (one for each type, NULL for types of other pair styles) */
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

  std::unique_ptr<mlip_potential, PotentialDeleter> potential;
  std::unique_ptr<mlip_evaluator, EvaluatorDeleter> evaluator;
  std::vector<int16_t> species_of_type;    // -1: not ours
  std::vector<int16_t> species;            // of all atoms and ghosts
  int threads;
  bool has_neighbors;
  bigint known_build;    // build of LAMMPS' list that the evaluator has seen
};

}    // namespace LAMMPS_NS

#endif
