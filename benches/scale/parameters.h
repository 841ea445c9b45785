/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The command line: name=value, with the names and defaults of the kernel's refscale.
 */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#define SCALE_MOST_TYPES 64

struct parameters {
    long loops, nruns, nreaders, readdelay, holdoff, verbose, shutdown;
    const char *json;
    /* The chosen types, as indices of scale_types. */
    int types[SCALE_MOST_TYPES];
    int nr_types;
};

/* Ends the program with status 2 after what cannot be understood, with 0 after --help. */
void parameters_parse(struct parameters *parameters, int argc, char **argv);

#endif /* PARAMETERS_H */
