// Which members each message has, for the reader and the writer. A message is declared in its header,
// and once more here.
#pragma once

#include <boost/describe/class.hpp>

#include "wire/feed.h"
#include "wire/problem.h"
#include "wire/submission.h"
#include "wire/tasks.h"
#include "wire/verbs.h"

namespace cattino::wire {

BOOST_DESCRIBE_STRUCT(
    Request, (), (min_devices, memory, cpus, ram, max_devices, time_limit, devices, resources))
BOOST_DESCRIBE_STRUCT(Retry, (), (retries, on, backoff, longest_backoff, oom_growth))
BOOST_DESCRIBE_STRUCT(Exit, (), (text, code, signal, stage, errno_))
BOOST_DESCRIBE_STRUCT(ReasonDevice, (), (index, fits, total, free, holders))
BOOST_DESCRIBE_STRUCT(
    Reason,
    (),
    (text,
     kind,
     names,
     count,
     wanted,
     fitting,
     memory,
     devices,
     wanted_cpus,
     free_cpus,
     wanted_ram,
     free_ram,
     until,
     resource,
     wanted_count,
     free_count,
     kept,
     idle,
     start,
     exact,
     resume))
BOOST_DESCRIBE_STRUCT(Progress, (), (step, total, metrics))
BOOST_DESCRIBE_STRUCT(
    Task,
    (),
    (id,
     name,
     fullname,
     shown,
     group,
     submission,
     status,
     phase,
     held,
     reason,
     command,
     priority,
     request,
     retry,
     not_before,
     preemptible,
     log_limit,
     retries,
     preemptions,
     hooks_reset,
     attempt,
     devices,
     pid,
     created,
     started,
     ended,
     exit,
     stdout_,
     stderr_,
     progress,
     run_dir,
     directory))
BOOST_DESCRIBE_STRUCT(Group, (), (id, fullname, submission, status, counts))
BOOST_DESCRIBE_STRUCT(TaskList, (), (tasks, groups, truncated, now, counts))
BOOST_DESCRIBE_STRUCT(
    Attempt,
    (),
    (number,
     status,
     devices,
     pid,
     started,
     ended,
     stdout_,
     stderr_,
     user_ms,
     system_ms,
     max_rss_mib))
BOOST_DESCRIBE_STRUCT(
    TaskDetail, (), (task, attempts, needs, needed_by, environment, cwd, command, argv, function))
BOOST_DESCRIBE_STRUCT(GroupDetail, (), (group, tasks))

BOOST_DESCRIBE_STRUCT(
    Submission,
    (),
    (groups,
     tasks,
     cwd,
     environment,
     umask,
     limits,
     interpreter,
     python_path,
     source,
     on_conflict,
     date_format,
     key))
BOOST_DESCRIBE_STRUCT(NewGroup, (), (ref, name, parent, hooks, object, label, max_parallel))
BOOST_DESCRIBE_STRUCT(
    NewTask,
    (),
    (ref,
     name,
     group,
     command,
     argv,
     function,
     request,
     priority,
     cwd,
     env,
     hooks,
     object,
     cascade,
     retries,
     retry_on,
     backoff,
     longest_backoff,
     oom_growth,
     not_before,
     held,
     preemptible,
     log_limit))
BOOST_DESCRIBE_STRUCT(End, (), (edges))
BOOST_DESCRIBE_STRUCT(SubmittedTask, (), (ref, id, fullname, status, reason, devices))
BOOST_DESCRIBE_STRUCT(SubmissionAnswer, (), (id, run_dir, first_task, count, tasks))

BOOST_DESCRIBE_STRUCT(VerbRequest, (), (names, match, all, wait))
BOOST_DESCRIBE_STRUCT(Changed, (), (id, fullname, status, ending))
BOOST_DESCRIBE_STRUCT(Unchanged, (), (fullname, status, why))
BOOST_DESCRIBE_STRUCT(VerbAnswer, (), (changed, count, unchanged))
BOOST_DESCRIBE_STRUCT(WaitRequest, (), (names, match, timeout_ms))
BOOST_DESCRIBE_STRUCT(WaitAnswer, (), (outcome, tasks, counts, stuck))
BOOST_DESCRIBE_STRUCT(HostFacts, (), (name, cpus, ram))
BOOST_DESCRIBE_STRUCT(
    Device,
    (),
    (name, kind, model, uuid, health, total, used_by_others, claimed, free, tasks, note))
BOOST_DESCRIBE_STRUCT(Devices, (), (host, error, devices))
BOOST_DESCRIBE_STRUCT(
    Health, (), (version, pid, guardian, supervisor, started, home, state, counts, unknown))
BOOST_DESCRIBE_STRUCT(UnknownProcess, (), (task, attempt, pid, started))
BOOST_DESCRIBE_STRUCT(NoArguments, (), ())
BOOST_DESCRIBE_STRUCT(SetAside, (), (moved_to))
BOOST_DESCRIBE_STRUCT(EndUnknown, (), (ended))
BOOST_DESCRIBE_STRUCT(ExitRequest, (), (keep_tasks))
BOOST_DESCRIBE_STRUCT(ExitAnswer, (), (stopped, cancelled))

BOOST_DESCRIBE_STRUCT(FeedTask, (), (id, fullname, status, attempt, devices, exit, reason))
BOOST_DESCRIBE_STRUCT(FeedItem, (), (seq, at, event, task, text))
BOOST_DESCRIBE_STRUCT(Problem, (), (title, status, detail, field, line, hint))

}  // namespace cattino::wire
