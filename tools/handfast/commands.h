/* The subcommands. Each takes the arguments behind its name and returns the exit status. */
#ifndef HANDFAST_TOOL_COMMANDS_H
#define HANDFAST_TOOL_COMMANDS_H

int demo_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int lab_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int get_main(int argc, char **argv);
int nc_main(int argc, char **argv);
int path_main(int argc, char **argv);
int perf_main(int argc, char **argv);

#endif
