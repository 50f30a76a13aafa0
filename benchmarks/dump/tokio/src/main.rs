//! What happens when a Tokio runtime is dumped in one situation, named on the command line?
//!
//! Prints one JSON object a line as soon as it knows something, so that a hang loses only what comes after it. The same
//! situations, sizes and limits as ours.py beside it; ../run.py reads both.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Dump, Handle, Runtime};
use tokio::sync::Notify;

/// A runtime that has not run its new tasks after this is stuck.
const STUCK: Duration = Duration::from_secs(5);
const NEW_TASKS: usize = 100;
/// Up to so many tasks a dump is looked through for tasks without a trace: that is slow.
const SMALL: usize = 200;
/// Between two looks at the counter of polls.
const SAMPLE: Duration = Duration::from_micros(500);

#[derive(Default)]
struct World {
    polls: AtomicU64,
    go: Notify,
}

/// A dump that has not returned after this is said to hang.
fn patience() -> Duration {
    let word = std::env::args().nth(3);
    Duration::from_secs_f64(word.and_then(|word| word.parse().ok()).expect("a limit in seconds"))
}

fn say(key: &str, value: impl std::fmt::Display) {
    println!("{{\"{key}\": {value}}}");
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_time().build().expect("a runtime")
}

/// Tasks that yield until the process ends, and count their polls.
fn yielding(rt: &Runtime, world: &Arc<World>, tasks: usize) {
    for _ in 0..tasks {
        let world = world.clone();
        rt.spawn(async move {
            loop {
                world.polls.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
}

fn idle(rt: &Runtime, world: &Arc<World>, tasks: usize) {
    for _ in 0..tasks {
        let world = world.clone();
        rt.spawn(async move { world.go.notified().await });
    }
    thread::sleep(Duration::from_millis(300 + tasks as u64 / 100)); // all of them wait by then
}

fn sleeping_poll(rt: &Runtime, poll: Duration) {
    let (began, has_begun) = mpsc::channel();
    rt.spawn(async move {
        began.send(()).expect("the receiver lives");
        thread::sleep(poll);
    });
    has_begun.recv_timeout(patience()).expect("the long poll begins");
}

/// A dump from a thread that is no worker, whose own small runtime drives it.
fn dump_from_outside(handle: &Handle) -> mpsc::Receiver<Dump> {
    let (tell, told) = mpsc::channel();
    let handle = handle.clone();
    thread::spawn(move || {
        let driver = Builder::new_current_thread().build().expect("a driver");
        let _ = tell.send(driver.block_on(handle.dump()));
    });
    told
}

fn report(dump: Option<Dump>, asked: Instant, alive: usize) {
    say("returned", dump.is_some());
    let Some(dump) = dump else { return };
    say("call_ms", millis(asked));
    say("tasks", dump.tasks().iter().count());
    say("alive", alive);
    if alive <= SMALL {
        say("without_trace", dump.tasks().iter().filter(|task| task.trace().resolve_backtraces().is_empty()).count());
    }
}

fn one_dump(rt: &Runtime) {
    let alive = rt.metrics().num_alive_tasks();
    let asked = Instant::now();
    let dump = dump_from_outside(rt.handle()).recv_timeout(patience()).ok();
    report(dump, asked, alive)
}

/// While `work` runs: milliseconds between the first and the last look that found no new poll of a yielding task.
fn longest_standstill(world: &Arc<World>, work: impl FnOnce()) -> f64 {
    let (world, over) = (world.clone(), Arc::new(AtomicBool::new(false)));
    let seen = over.clone();
    let watcher = thread::spawn(move || {
        let (mut longest, mut since, mut polls) = (Duration::ZERO, Instant::now(), u64::MAX);
        while !seen.load(SeqCst) {
            let (counted, now) = (world.polls.load(Relaxed), Instant::now());
            if counted != polls {
                (polls, since) = (counted, now);
            }
            longest = longest.max(now - since);
            thread::sleep(SAMPLE);
        }
        longest.as_secs_f64() * 1e3
    });
    work();
    over.store(true, SeqCst);
    watcher.join().expect("the watcher ends")
}

/// How long no worker polled anything, first without a dump, then while `dump` runs.
fn with_pause(world: &Arc<World>, dump: impl FnOnce()) {
    thread::sleep(Duration::from_millis(500));
    let quiet = longest_standstill(world, || thread::sleep(Duration::from_millis(500)));
    say("pause_without_ms", quiet);
    let pause = longest_standstill(world, || {
        dump();
        thread::sleep(Duration::from_millis(50));
    });
    say("pause_ms", pause);
}

/// Does what is spawned from outside afterwards still run?
fn later_spawns(rt: &Runtime) {
    let (tell, told) = mpsc::channel();
    for _ in 0..NEW_TASKS {
        let tell = tell.clone();
        rt.spawn(async move { tell.send(()) });
    }
    let limit = Instant::now() + STUCK;
    let ran = (0..NEW_TASKS).take_while(|_| told.recv_timeout(limit - Instant::now().min(limit)).is_ok()).count();
    say("later_ran", ran);
}

fn two_at_once(rt: &Runtime) {
    let alive = rt.metrics().num_alive_tasks();
    let asked = Instant::now();
    let both = [dump_from_outside(rt.handle()), dump_from_outside(rt.handle())];
    let done = both.map(|dump| dump.recv_timeout(patience()).ok());
    let all = done.iter().all(Option::is_some);
    let [_, second] = done;
    report(second.filter(|_| all), asked, alive);
}

fn in_a_loop(rt: &Runtime, span: Duration) {
    let alive = rt.metrics().num_alive_tasks();
    let (began, mut calls, mut last) = (Instant::now(), Vec::new(), None);
    while began.elapsed() < span {
        let asked = Instant::now();
        last = dump_from_outside(rt.handle()).recv_timeout(patience()).ok();
        calls.push(millis(asked));
        if last.is_none() {
            break;
        }
    }
    report(last, began, alive);
    calls.sort_by(f64::total_cmp);
    say("dumps", calls.len());
    say("call_ms", calls[calls.len() / 2]);
}

fn cancelled(rt: &Runtime) {
    sleeping_poll(rt, Duration::from_millis(300));
    let driver = Builder::new_current_thread().enable_time().build().expect("a driver");
    let asked = Instant::now();
    let ended = driver.block_on(async { tokio::time::timeout(Duration::from_millis(20), rt.handle().dump()).await });
    say("returned", true);
    say("call_ms", millis(asked));
    say("cancelled", ended.is_err());
}

/// Dumps in a loop until the shutdown begins: the one under way then must return, and the shutdown must end.
fn during_shutdown(workers: usize, rounds: usize, tasks: usize) {
    let mut slowest: f64 = 0.0;
    for _ in 0..rounds {
        let (rt, world) = (runtime(workers), Arc::new(World::default()));
        idle(&rt, &world, tasks);
        let (closing, handle) = (Arc::new(AtomicBool::new(false)), rt.handle().clone());
        let (tell, told) = mpsc::channel();
        let seen = closing.clone();
        thread::spawn(move || {
            let driver = Builder::new_current_thread().build().expect("a driver");
            while !seen.load(SeqCst) {
                let asked = Instant::now();
                driver.block_on(handle.dump());
                let _ = tell.send(millis(asked));
            }
        });
        thread::sleep(Duration::from_millis(100));
        closing.store(true, SeqCst);
        let began = Instant::now();
        rt.shutdown_timeout(patience());
        let ended = began.elapsed() < patience();
        say("shutdown_ended", ended);
        loop {
            match told.recv_timeout(patience()) {
                Ok(call) => slowest = slowest.max(call),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => return say("returned", false),
            }
        }
        if !ended {
            return say("returned", true);
        }
    }
    say("returned", true);
    say("call_ms", slowest);
}

fn inside_block_in_place(rt: &Runtime) {
    let (tell, told) = mpsc::channel();
    let alive = rt.metrics().num_alive_tasks() + 1;
    let asked = Instant::now();
    rt.spawn(async move {
        let handle = Handle::current();
        tell.send(tokio::task::block_in_place(|| handle.block_on(handle.dump())))
    });
    report(told.recv_timeout(patience()).ok(), asked, alive);
}

fn main() {
    let mut words = std::env::args().skip(1);
    let situation = words.next().expect("usage: tokio_dump SITUATION WORKERS SECONDS");
    let workers = words.next().and_then(|word| word.parse().ok()).expect("a number of workers");
    let (rt, world) = (runtime(workers), Arc::new(World::default()));
    match situation.as_str() {
        "ready" => {
            yielding(&rt, &world, 10_000);
            with_pause(&world, || one_dump(&rt));
        }
        "idle-10k" | "idle-100k" => {
            idle(&rt, &world, if situation == "idle-10k" { 10_000 } else { 100_000 });
            yielding(&rt, &world, workers);
            with_pause(&world, || one_dump(&rt));
        }
        "parked" => {
            idle(&rt, &world, 10);
            one_dump(&rt);
        }
        "long-poll" => {
            yielding(&rt, &world, workers);
            sleeping_poll(&rt, Duration::from_millis(1500));
            one_dump(&rt);
        }
        "cancelled" => {
            yielding(&rt, &world, workers);
            cancelled(&rt);
        }
        "two" => {
            idle(&rt, &world, 1_000);
            yielding(&rt, &world, workers);
            with_pause(&world, || two_at_once(&rt));
        }
        "loop" => {
            idle(&rt, &world, 100);
            yielding(&rt, &world, 50);
            with_pause(&world, || in_a_loop(&rt, Duration::from_secs(4)));
        }
        "shutdown" => during_shutdown(workers, 20, 100),
        "block-in-place" => {
            idle(&rt, &world, 10);
            inside_block_in_place(&rt);
        }
        other => panic!("no situation {other:?}; need ready, idle-10k, idle-100k, parked, long-poll, cancelled, two, loop, shutdown or block-in-place"),
    }
    if situation != "shutdown" {
        later_spawns(&rt);
    }
    std::process::exit(0); // a runtime that hangs would keep main from ending
}
