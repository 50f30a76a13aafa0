// What may be spawned, and what may be awaited? The checks at the edge, and the words when something is wrong.
#pragma once

#include "bind/py_task.hpp"

namespace bind {

/// True: driven as a coroutine; false: called once. Throws TypeError (not callable; coroutine object with arguments) or
/// RuntimeError (a coroutine object that was started or spawned before). Remembers a coroutine object until it begins.
bool check_target(const SpawnRequest& request);
/// A blocking job is a callable that is no coroutine function.
void check_job_target(const SpawnRequest& request);
/// The coroutine has begun, or its task has ended before.
void forget_pending_coroutine(PyObject* coroutine);

/// A callable returned something to await: sets TypeError and says to pass the async function itself.
bool refuse_awaitable_result(PyObject* result);
/// A coroutine awaited something that is not ours: sets TypeError that names it.
void set_foreign_await_error(PyObject* yielded);

/// An error that says no asyncio loop runs here gets a note that names what to use instead.
void explain_missing_loop(PyObject* error);

/// File, line and function of the Python code that is spawning, into the header.
void remember_spawn_place(rt::Header& task);

}  // namespace bind
