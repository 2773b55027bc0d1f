#ifndef MLIP_RS_H
#define MLIP_RS_H

/* Made by cbindgen from bindings/c: MLIP_WRITE_HEADER=1 cargo test --test header, in that folder */

#include <stddef.h>
#include <stdint.h>

// Version of this interface: another number means other functions, arguments or meanings.
#define MLIP_ABI_VERSION 2

// How a call ended.
typedef enum mlip_status {
  // It did what was asked.
  MLIP_STATUS_OK = 0,
  // A null pointer, or a number that makes no sense.
  MLIP_STATUS_BAD_ARGUMENT = 1,
  // A file that is no potential, torn, or of a newer version.
  MLIP_STATUS_BAD_POTENTIAL = 2,
  // Rows of neighbours that contradict themselves: an index out of range, an atom beside itself.
  MLIP_STATUS_BAD_NEIGHBORS = 3,
  // Number or species of atoms differ from those of the neighbours: set neighbours anew.
  MLIP_STATUS_STALE_NEIGHBORS = 4,
  // Atoms overlap, positions or results are not finite; `mlip_offenders` tells which atoms.
  MLIP_STATUS_BAD_STRUCTURE = 5,
  // The system does not start as many threads.
  MLIP_STATUS_NO_THREADS = 6,
  // A mistake of mlip_rs itself.
  MLIP_STATUS_INTERNAL = 7,
} mlip_status;

// Evaluates a potential for one caller: a rank, a thread, a part of a hybrid style.
typedef struct mlip_evaluator mlip_evaluator;

// A potential; it does not change, and several evaluators may have the same one.
typedef struct mlip_potential mlip_potential;

// Neighbours of the centres, as LAMMPS keeps those of a full list.
typedef struct mlip_rows {
  // Number of positions: atoms that the host owns, then ghosts.
  size_t n_all;
  // Species of each position, `[n_all]`; −1 for atoms of other potentials, which are passed over.
  const int16_t *species;
  // Positions in Å, `[n_all][3]`, by which centres are sorted so that those near in space are near in memory; null to
  // keep their order.
  const double *positions;
  // Number of centres.
  size_t n_centers;
  // The positions that have an energy, each once, `[n_centers]`.
  const int *centers;
  // Number of neighbours of each position that is a centre, indexed by position.
  const int *counts;
  // Neighbours of each position that is a centre, as numbers of positions, indexed by position.
  const int *const *rows;
  // Bits of a neighbour that are its number; others, such as those of special bonds, are dropped.
  int mask;
} mlip_rows;

// Where results are added; what is null is not wanted, and not computed where that saves time.
typedef struct mlip_output {
  // Energy of all centres, eV.
  double *energy;
  // Virial of all centres, `[6]`, eV.
  double *virial;
  // Forces on all positions, ghosts too, `[n_all][3]`, eV/Å.
  double *forces;
  // Energies of the centres, `[n_all]`, eV.
  double *energies;
  // Virials of the centres, `[n_all][6]`, eV.
  double *virials;
  // Centroid virials of all positions, ghosts too, `[n_all][9]`, eV.
  double *centroid_virials;
  // Sums of the index of anomaly, `[n_all][2]`: of all positions, ghosts too, the first, which the host adds to the atom
  // that a position stands for; of centres the second. The index of an atom is the root of first over second.
  double *anomalies;
} mlip_output;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Read a potential from the `length` bytes of the text of its file.
//
// On success `*potential` is a handle for `mlip_potential_close`. Otherwise it is null, and up to `room` bytes at `message`
// say why, with a zero at the end.
//
// # Safety
// `text` has `length` readable bytes, `potential` room for a pointer, `message` room for `room` bytes or is null.
enum mlip_status mlip_potential_open(const char *text,
                                     size_t length,
                                     struct mlip_potential **potential,
                                     char *message,
                                     size_t room);

// Free a potential; evaluators that use it keep what they need. Null is nothing.
//
// # Safety
// `potential` comes from `mlip_potential_open` and is not used again.
void mlip_potential_close(struct mlip_potential *potential);

// Number of elements; 0 for null.
//
// # Safety
// `potential` is null or an open potential.
size_t mlip_potential_elements(const struct mlip_potential *potential);

// Symbol of an element, alive as long as the potential; null if there is no such element.
//
// # Safety
// `potential` is null or an open potential.
const char *mlip_potential_element(const struct mlip_potential *potential, size_t species);

// Number of the element with this symbol, −1 if the potential does not know it.
//
// # Safety
// `potential` is null or an open potential, `symbol` null or a text with a zero at its end.
int mlip_potential_species(const struct mlip_potential *potential, const char *symbol);

// Distance in Å from which on neighbours of any element contribute nothing to a centre; 0 for null.
//
// # Safety
// `potential` is null or an open potential.
double mlip_potential_cutoff(const struct mlip_potential *potential);

// 1 if the potential has an index of anomaly, which evaluations then give to whoever asks for it; 0 if not, or for null.
//
// # Safety
// `potential` is null or an open potential.
int mlip_potential_has_index(const struct mlip_potential *potential);

// Check and copy rows of neighbours; the host may change its own afterwards. Centres of species −1 are passed over.
//
// After any other status than `Ok` the evaluator has no neighbours.
//
// # Safety
// `evaluator` is null or open and used by nobody else meanwhile. `rows` is null or readable, its arrays have the numbers
// that its fields name (or are null if those are 0), and each row has as many neighbours as `counts` says.
enum mlip_status mlip_set_neighbors(struct mlip_evaluator *evaluator,
                                    const struct mlip_rows *rows);

// Make an evaluator of a potential with a number of threads; 1 works in the thread of the caller.
//
// # Safety
// `potential` is null or open, `evaluator` has room for a pointer.
enum mlip_status mlip_evaluator_open(const struct mlip_potential *potential,
                                     uint32_t threads,
                                     struct mlip_evaluator **evaluator);

// Free an evaluator. Null is nothing.
//
// # Safety
// `evaluator` comes from `mlip_evaluator_open` and is not used again.
void mlip_evaluator_close(struct mlip_evaluator *evaluator);

// Add the results for positions `[n_all][3]` (Å) with the neighbours set before.
//
// Number and `species` (`[n_all]`, −1 for none) must be those of the neighbours. After any other status than `Ok` the
// output is as it was.
//
// # Safety
// `evaluator` is null or open and used by nobody else meanwhile; `positions` and `species` have as many numbers as said,
// or are null if `n_all` is 0; each pointer of `output` is null or has room for the numbers that its field names, and no
// two arrays overlap.
enum mlip_status mlip_evaluate(struct mlip_evaluator *evaluator,
                               size_t n_all,
                               const double *positions,
                               const int16_t *species,
                               const struct mlip_output *output);

// Why the last call with this evaluator failed; alive until the next one. Null for null.
//
// # Safety
// `evaluator` is null or open.
const char *mlip_message(const struct mlip_evaluator *evaluator);

// The positions of the atoms to blame for the last failure, −1 for none, as two numbers at `atoms`.
//
// # Safety
// `evaluator` is null or open, `atoms` null or with room for two numbers.
void mlip_offenders(const struct mlip_evaluator *evaluator, int64_t *atoms);

// Bytes that neighbours and results of the evaluator occupy; 0 for null.
//
// # Safety
// `evaluator` is null or open.
double mlip_memory(const struct mlip_evaluator *evaluator);

// The `MLIP_ABI_VERSION` that the library has been compiled with.
uint32_t mlip_abi_version(void);

// Version of mlip_rs, as "0.1.0".
const char *mlip_version(void);

// Make an evaluator of a potential with a number of threads; 1 works in the thread of the caller.
//
// # Safety
// `potential` is null or open, `evaluator` has room for a pointer.
enum mlip_status mlip_evaluator_open(const struct mlip_potential *potential,
                                     uint32_t threads,
                                     struct mlip_evaluator **evaluator);

// Free an evaluator. Null is nothing.
//
// # Safety
// `evaluator` comes from `mlip_evaluator_open` and is not used again.
void mlip_evaluator_close(struct mlip_evaluator *evaluator);

// Add the results for positions `[n_all][3]` (Å) with the neighbours set before.
//
// Number and `species` (`[n_all]`, −1 for none) must be those of the neighbours. After any other status than `Ok` the
// output is as it was.
//
// # Safety
// `evaluator` is null or open and used by nobody else meanwhile; `positions` and `species` have as many numbers as said,
// or are null if `n_all` is 0; each pointer of `output` is null or has room for the numbers that its field names, and no
// two arrays overlap.
enum mlip_status mlip_evaluate(struct mlip_evaluator *evaluator,
                               size_t n_all,
                               const double *positions,
                               const int16_t *species,
                               const struct mlip_output *output);

// Why the last call with this evaluator failed; alive until the next one. Null for null.
//
// # Safety
// `evaluator` is null or open.
const char *mlip_message(const struct mlip_evaluator *evaluator);

// The positions of the atoms to blame for the last failure, −1 for none, as two numbers at `atoms`.
//
// # Safety
// `evaluator` is null or open, `atoms` null or with room for two numbers.
void mlip_offenders(const struct mlip_evaluator *evaluator, int64_t *atoms);

// Bytes that neighbours and results of the evaluator occupy; 0 for null.
//
// # Safety
// `evaluator` is null or open.
double mlip_memory(const struct mlip_evaluator *evaluator);

// Check and copy rows of neighbours; the host may change its own afterwards. Centres of species −1 are passed over.
//
// After any other status than `Ok` the evaluator has no neighbours.
//
// # Safety
// `evaluator` is null or open and used by nobody else meanwhile. `rows` is null or readable, its arrays have the numbers
// that its fields name (or are null if those are 0), and each row has as many neighbours as `counts` says.
enum mlip_status mlip_set_neighbors(struct mlip_evaluator *evaluator,
                                    const struct mlip_rows *rows);

// Read a potential from the `length` bytes of the text of its file.
//
// On success `*potential` is a handle for `mlip_potential_close`. Otherwise it is null, and up to `room` bytes at `message`
// say why, with a zero at the end.
//
// # Safety
// `text` has `length` readable bytes, `potential` room for a pointer, `message` room for `room` bytes or is null.
enum mlip_status mlip_potential_open(const char *text,
                                     size_t length,
                                     struct mlip_potential **potential,
                                     char *message,
                                     size_t room);

// Free a potential; evaluators that use it keep what they need. Null is nothing.
//
// # Safety
// `potential` comes from `mlip_potential_open` and is not used again.
void mlip_potential_close(struct mlip_potential *potential);

// Number of elements; 0 for null.
//
// # Safety
// `potential` is null or an open potential.
size_t mlip_potential_elements(const struct mlip_potential *potential);

// Symbol of an element, alive as long as the potential; null if there is no such element.
//
// # Safety
// `potential` is null or an open potential.
const char *mlip_potential_element(const struct mlip_potential *potential, size_t species);

// Number of the element with this symbol, −1 if the potential does not know it.
//
// # Safety
// `potential` is null or an open potential, `symbol` null or a text with a zero at its end.
int mlip_potential_species(const struct mlip_potential *potential, const char *symbol);

// Distance in Å from which on neighbours of any element contribute nothing to a centre; 0 for null.
//
// # Safety
// `potential` is null or an open potential.
double mlip_potential_cutoff(const struct mlip_potential *potential);

// 1 if the potential has an index of anomaly, which evaluations then give to whoever asks for it; 0 if not, or for null.
//
// # Safety
// `potential` is null or an open potential.
int mlip_potential_has_index(const struct mlip_potential *potential);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MLIP_RS_H */
