// meow-sim: the scheduling core on a simulated clock.
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include <CLI/CLI.hpp>

#include "sim/commands.h"

namespace {

int run(int argc, char** argv) {
  using cattino::core::Order;
  CLI::App app{"The scheduling core on a simulated clock.", "meow-sim"};
  app.require_subcommand(1);
  app.footer("exit status: 0 all as expected · 1 some not · 2 bad input");

  cattino::sim::ScenarioOptions scenarios;
  CLI::App* scenario = app.add_subcommand(
      "scenario", "Plays each scenario and compares what happened with what it expects");
  scenario->add_option("FILE", scenarios.files, "scenario files")->required();
  scenario->add_flag("--print", scenarios.only_print, "only show what happened");

  cattino::sim::WorkflowOptions workflows;
  CLI::App* workflow = app.add_subcommand(
      "workflow", "Runs recorded workflows (WfFormat 1.5) on a machine of so many cores");
  workflow->add_option("FILE", workflows.files, "workflow files")->required();
  workflow->add_option("--cores", workflows.cores, "numbers of cores, such as 2,8,48")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, 1000000));
  const std::map<std::string, Order> orders{
      {"submission", Order::submission}, {"critical-path", Order::critical_path}};
  workflow->add_option("--order", workflows.order, "which ready task comes first")
      ->transform(CLI::CheckedTransformer(orders))
      ->option_text("submission|critical-path");
  workflow->add_option(
      "--json", workflows.json, "write results and timelines there; -: standard output");
  workflow->add_option("--svg", workflows.svg, "draw the one run there");

  cattino::sim::TraceOptions traces;
  CLI::App* trace = app.add_subcommand(
      "trace",
      "Fills a cluster with pods drawn at random from a trace, by each policy of placement");
  trace->add_option("--nodes", traces.nodes, "table of nodes: cpu_milli, memory_mib, gpu")
      ->required();
  trace
      ->add_option(
          "--pods", traces.pods, "table of pods: cpu_milli, memory_mib, num_gpu, gpu_milli")
      ->required();
  trace->add_option("--placement", traces.placement, "only this one")
      ->check(CLI::IsMember(cattino::sim::placement_names()));
  trace->add_option("--seeds", traces.seeds, "how many drawings")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  trace->add_option("--until", traces.percent, "percent of the GPUs that are asked for")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  trace->add_flag("--json", traces.json, "the result of each drawing");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : cattino::sim::exit_bad_input;
  }
  if (*scenario) {
    return cattino::sim::play_scenarios(scenarios);
  }
  return *workflow ? cattino::sim::run_workflows(workflows) : cattino::sim::fill_cluster(traces);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "meow-sim: %s\n", error.what());
    return cattino::sim::exit_bad_input;
  }
}
