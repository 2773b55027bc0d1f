/* A host with two atoms of a chain and a ghost at each end. Usage: host POTENTIAL */

#include "mlip_rs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(claim)                                                              \
  do {                                                                            \
    if (!(claim)) {                                                               \
      fprintf(stderr, "line %d is wrong: %s\n", __LINE__, #claim);                \
      exit(1);                                                                    \
    }                                                                             \
  } while (0)

#define N_ALL 4

static const int CENTERS[] = {0, 1};
static const int FIRST[] = {1, 2, 1 << 30 | 3};
static const int SECOND[] = {0, 3, 2};
static const int COUNTS[] = {3, 3, 0, 0};
static const int *const ROWS[] = {FIRST, SECOND, NULL, NULL};
static const int16_t SPECIES[] = {0, 1, 1, 0};

static char *text_of(const char *path, size_t *length)
{
  FILE *file = fopen(path, "rb");
  CHECK(file);
  CHECK(fseek(file, 0, SEEK_END) == 0);
  *length = (size_t) ftell(file);
  rewind(file);
  char *text = malloc(*length);
  CHECK(text && fread(text, 1, *length, file) == *length);
  fclose(file);
  return text;
}

static void set_positions(double x[N_ALL][3])
{
  const double start[N_ALL][3] = {{2.5, 0.1, 0}, {5, 0, 0.2}, {0, 0, 0.2}, {7.5, 0.1, 0}};
  memcpy(x, start, sizeof start);
}

static double energy(mlip_evaluator *evaluator, double x[N_ALL][3])
{
  double result = 0;
  mlip_output output = {.energy = &result};
  CHECK(mlip_evaluate(evaluator, N_ALL, &x[0][0], SPECIES, &output) == MLIP_STATUS_OK);
  return result;
}

static void check_results(mlip_evaluator *evaluator)
{
  double x[N_ALL][3], total = 1, virial[6] = {0}, f[N_ALL][3] = {{0}}, e[N_ALL] = {0}, v[N_ALL][6] = {{0}},
         cv[N_ALL][9] = {{0}}, anomalies[N_ALL][2] = {{0}};
  set_positions(x);
  mlip_output output = {&total, virial, &f[0][0], e, &v[0][0], &cv[0][0], &anomalies[0][0]};
  CHECK(mlip_evaluate(evaluator, N_ALL, &x[0][0], SPECIES, &output) == MLIP_STATUS_OK);
  CHECK(fabs(total - 1 - e[0] - e[1]) < 1e-12 && e[2] == 0 && e[3] == 0);
  for (int i = 0; i < N_ALL; ++i)
    for (int k = 0; k < 3; ++k) {
      const double h = 1e-4, start = x[i][k];
      x[i][k] = start + h;
      const double above = energy(evaluator, x);
      x[i][k] = start - h;
      const double below = energy(evaluator, x);
      x[i][k] = start;
      CHECK(fabs(f[i][k] + (above - below) / (2 * h)) < 1e-6);
    }
  /* Forms are 2 for the first atom and its ghost, 3 for the second: each centre gives its square to the atoms within 4 A. */
  const double r = sqrt(2.5 * 2.5 + 0.1 * 0.1 + 0.2 * 0.2), s = 0.5 + 0.5 * cos(acos(-1.0) * r / 4);
  const double sums[N_ALL] = {4 + 9 * s, 9 + 4 * s, 4 * s, 9 * s};
  for (int i = 0; i < N_ALL; ++i)
    CHECK(fabs(anomalies[i][0] - sums[i]) < 1e-12 && fabs(anomalies[i][1] - (i < 2 ? 1 + 2 * s : 0)) < 1e-12);
  /* The virial of LAMMPS is the sum of r_a f_b in the order xx yy zz xy xz yz. */
  const int a[] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, b[] = {0, 1, 2, 1, 2, 2, 0, 0, 1};
  for (int c = 0; c < 9; ++c) {
    double sum = 0, of_atoms = 0, of_centroids = 0;
    for (int i = 0; i < N_ALL; ++i) {
      sum += x[i][a[c]] * f[i][b[c]];
      of_atoms += c < 6 ? v[i][c] : 0;
      of_centroids += cv[i][c];
    }
    CHECK(fabs(of_centroids - sum) < 1e-10);
    if (c < 6) CHECK(fabs(of_atoms - sum) < 1e-10 && fabs(virial[c] - sum) < 1e-10);
  }
}

static void check_failures(mlip_evaluator *evaluator)
{
  double x[N_ALL][3], f[N_ALL][3] = {{0}};
  int64_t atoms[2];
  mlip_output output = {.forces = &f[0][0]};
  set_positions(x);
  x[1][2] = NAN;
  CHECK(mlip_evaluate(evaluator, N_ALL, &x[0][0], SPECIES, &output) == MLIP_STATUS_BAD_STRUCTURE);
  mlip_offenders(evaluator, atoms);
  CHECK(atoms[0] == 1 && atoms[1] == -1);
  memcpy(x[1], x[0], sizeof x[0]);
  CHECK(mlip_evaluate(evaluator, N_ALL, &x[0][0], SPECIES, &output) == MLIP_STATUS_BAD_STRUCTURE);
  mlip_offenders(evaluator, atoms);
  CHECK(atoms[0] == 0 && atoms[1] == 1 && strstr(mlip_message(evaluator), "atoms 0 and 1"));
  set_positions(x);
  const int16_t others[] = {0, 0, 0, 0};
  CHECK(mlip_evaluate(evaluator, N_ALL, &x[0][0], others, &output) == MLIP_STATUS_STALE_NEIGHBORS);
  CHECK(mlip_evaluate(evaluator, N_ALL - 1, &x[0][0], SPECIES, &output) == MLIP_STATUS_STALE_NEIGHBORS);
  CHECK(mlip_evaluate(evaluator, N_ALL, NULL, SPECIES, &output) == MLIP_STATUS_BAD_ARGUMENT);
  CHECK(mlip_evaluate(evaluator, N_ALL, &x[0][0], SPECIES, NULL) == MLIP_STATUS_BAD_ARGUMENT);
  for (int i = 0; i < N_ALL; ++i) CHECK(f[i][0] == 0 && f[i][1] == 0 && f[i][2] == 0);
  const int outside[] = {1, N_ALL};
  const int *const rows[] = {outside, SECOND, NULL, NULL};
  const int counts[] = {2, 3, 0, 0};
  mlip_rows bad = {N_ALL, SPECIES, NULL, 2, CENTERS, counts, rows, 0x1FFFFFFF};
  CHECK(mlip_set_neighbors(evaluator, &bad) == MLIP_STATUS_BAD_NEIGHBORS);
  CHECK(mlip_evaluate(evaluator, N_ALL, &x[0][0], SPECIES, &output) == MLIP_STATUS_STALE_NEIGHBORS);
}

int main(int argc, char **argv)
{
  CHECK(argc == 2 && mlip_abi_version() == MLIP_ABI_VERSION && strlen(mlip_version()) >= 5);
  size_t length;
  char *text = text_of(argv[1], &length), message[200];
  mlip_potential *potential = NULL;
  CHECK(mlip_potential_open(text, length / 2, &potential, message, sizeof message) == MLIP_STATUS_BAD_POTENTIAL);
  CHECK(!potential && strlen(message) > 10);
  CHECK(mlip_potential_open(text, length, &potential, message, sizeof message) == MLIP_STATUS_OK && potential);
  free(text);
  CHECK(mlip_potential_elements(potential) == 2 && strcmp(mlip_potential_element(potential, 1), "Ni") == 0);
  CHECK(mlip_potential_has_index(potential) == 1);
  CHECK(mlip_potential_element(potential, 2) == NULL && mlip_potential_species(potential, "Ni") == 1);
  CHECK(mlip_potential_species(potential, "Xx") == -1 && mlip_potential_cutoff(potential) == 4.5);
  for (unsigned threads = 1; threads <= 2; ++threads) {
    mlip_evaluator *evaluator = NULL;
    CHECK(mlip_evaluator_open(potential, threads, &evaluator) == MLIP_STATUS_OK);
    if (threads == 2) mlip_potential_close(potential);
    double x[N_ALL][3];
    set_positions(x);
    mlip_rows rows = {N_ALL, SPECIES, &x[0][0], 2, CENTERS, COUNTS, ROWS, 0x1FFFFFFF};
    CHECK(mlip_set_neighbors(evaluator, &rows) == MLIP_STATUS_OK && mlip_memory(evaluator) > 0);
    check_results(evaluator);
    check_failures(evaluator);
    mlip_evaluator_close(evaluator);
  }
  return 0;
}
