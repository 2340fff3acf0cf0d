// meow-sim: the scheduling core on a simulated clock.
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include <CLI/CLI.hpp>

#include "sim/commands.h"

namespace {

namespace sim = cattino::sim;

CLI::App* add_scenario(CLI::App& app, sim::ScenarioOptions& options) {
  CLI::App* verb = app.add_subcommand(
      "scenario", "Plays each scenario and compares what happened with what it expects");
  verb->add_option("FILE", options.files, "scenario files")->required();
  verb->add_flag("--print", options.only_print, "only show what happened");
  return verb;
}

CLI::App* add_workflow(CLI::App& app, sim::WorkflowOptions& options) {
  using cattino::core::Order;
  CLI::App* verb = app.add_subcommand(
      "workflow", "Runs recorded workflows (WfFormat 1.5) on a machine of so many cores");
  verb->add_option("FILE", options.files, "workflow files")->required();
  verb->add_option("--cores", options.cores, "numbers of cores, such as 2,8,48")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, 1000000));
  const std::map<std::string, Order> orders{
      {"submission", Order::submission}, {"critical-path", Order::critical_path}};
  verb->add_option("--order", options.order, "which ready task comes first")
      ->transform(CLI::CheckedTransformer(orders))
      ->option_text("submission|critical-path");
  verb->add_option("--json", options.json, "write results and timelines there; -: standard output");
  verb->add_option("--svg", options.svg, "draw the one run there");
  return verb;
}

CLI::App* add_trace(CLI::App& app, sim::TraceOptions& options) {
  CLI::App* verb = app.add_subcommand(
      "trace",
      "Fills a cluster with pods drawn at random from a trace, by each policy of placement");
  verb->add_option("--nodes", options.nodes, "table of nodes: cpu_milli, memory_mib, gpu")
      ->required();
  verb->add_option(
          "--pods", options.pods, "table of pods: cpu_milli, memory_mib, num_gpu, gpu_milli")
      ->required();
  verb->add_option("--placement", options.placement, "only this one")
      ->check(CLI::IsMember(sim::placement_names()));
  verb->add_option("--seeds", options.seeds, "how many drawings")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  verb->add_option("--until", options.percent, "percent of the GPUs that are asked for")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  verb->add_flag("--json", options.json, "the result of each drawing");
  return verb;
}

CLI::App* add_replay(CLI::App& app, sim::ReplayOptions& options) {
  CLI::App* verb = app.add_subcommand(
      "replay", "Plays a recorded trace in time, and tells what it cost the core");
  verb->add_option("--nodes", options.nodes, "table of nodes: cpu_milli, memory_mib, gpu")
      ->required();
  verb->add_option(
          "--pods",
          options.pods,
          "table of pods: as for trace, and creation_time, scheduled_time, deletion_time")
      ->required();
  verb->add_option("--hosts", options.hosts, "only the first so many nodes")
      ->check(CLI::Range(1, 1000000));
  verb->add_flag("--json", options.json, "the result, with the timeline");
  return verb;
}

CLI::App* add_starvation(CLI::App& app, sim::StarvationOptions& options) {
  CLI::App* verb = app.add_subcommand(
      "starvation",
      "When a task for all devices starts in a stream of small ones that never ends, by policies");
  verb->add_option("--seeds", options.seeds, "how many streams")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  verb->add_option("--first", options.first, "the seed of the first")->capture_default_str();
  verb->add_flag("--limits", options.limits, "tasks have time limits");
  verb->add_flag("--json", options.json, "the result and timeline of each stream");
  return verb;
}

CLI::App* add_random(CLI::App& app, sim::RandomOptions& options) {
  CLI::App* verb = app.add_subcommand(
      "random", "Random worlds with every fault, and whether the core keeps its rules in them");
  verb->add_option("--seeds", options.seeds, "how many worlds")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  verb->add_option("--first", options.first, "the seed of the first")->capture_default_str();
  verb->add_option("--events", options.events, "what happens in each, at least")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  return verb;
}

int run(int argc, char** argv) {
  CLI::App app{"The scheduling core on a simulated clock.", "meow-sim"};
  app.require_subcommand(1);
  app.footer("exit status: 0 all as expected · 1 some not · 2 bad input");
  sim::ScenarioOptions scenarios;
  sim::WorkflowOptions workflows;
  sim::TraceOptions traces;
  sim::ReplayOptions replays;
  sim::StarvationOptions starvation;
  sim::RandomOptions random;
  const CLI::App* scenario = add_scenario(app, scenarios);
  const CLI::App* workflow = add_workflow(app, workflows);
  const CLI::App* trace = add_trace(app, traces);
  const CLI::App* replay = add_replay(app, replays);
  const CLI::App* starve = add_starvation(app, starvation);
  add_random(app, random);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : sim::exit_bad_input;
  }
  if (*scenario) {
    return sim::play_scenarios(scenarios);
  }
  if (*workflow) {
    return sim::run_workflows(workflows);
  }
  if (*replay) {
    return sim::replay_trace(replays);
  }
  if (*starve) {
    return sim::show_starvation(starvation);
  }
  return *trace ? sim::fill_cluster(traces) : sim::live_at_random(random);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "meow-sim: %s\n", error.what());
    return sim::exit_bad_input;
  }
}
