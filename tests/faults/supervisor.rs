//! Runs a program and decides over each of its system calls: let it pass, make it fail, or kill the process before it.
//!
//! It is a filter of seccomp whose listener is the test (`SECCOMP_RET_USER_NOTIF`, see seccomp_unotify(2)): the kernel
//! stops a thread that makes one of the calls, tells us its arguments, and waits for our word. strace's `inject=` would
//! count the calls of each thread by itself, so that "the 7th" is another one in each run of a program with threads,
//! and several at once; a preloaded library does not see calls that are made without libc (rustix makes its own).
//! Here each call has a [`Call::key`] that is the same in every run: its name, its file, and how often both have come.
//! Neither rights nor a program are needed, and calls that don't matter cost nothing.

#![allow(unsafe_code)]

use crate::calls::{self, Kind};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// A system call that a program is about to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What it does.
    pub kind: Kind,
    /// The files it is about, or the thread where it is about none.
    pub about: String,
    /// How often a call of this kind about the same has come before.
    pub nth: usize,
    /// The thread.
    pub tid: u32,
    /// Whether it changes what is on the disk.
    pub on_disk: bool,
}

impl Call {
    /// The same in every run.
    pub fn key(&self) -> String {
        format!("{} {} #{}", self.kind.name, self.about, self.nth)
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is made.
    Pass,
    /// It isn't made, and returns this error.
    Fail(i32),
    /// The process is killed before it.
    Kill,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// It was killed because it took too long.
    pub hung: bool,
    /// Its calls, from the beginning of `main`.
    pub calls: Vec<Call>,
}

/// Runs `command`, whose paths below `root` are told relative to it, and ends it where it does nothing for as long as `idle`.
/// `judge` is asked about each call.
pub fn run(
    mut command: Command,
    root: &str,
    idle: Duration,
    judge: &mut dyn FnMut(&Call) -> Verdict,
) -> Ended {
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let program = filter();
    let end = theirs.as_raw_fd();
    // SAFETY: between fork and exec it only makes system calls, on memory that was there before.
    unsafe {
        command.pre_exec(move || give_listener(&program, end));
    }
    // A group of its own, so that what it starts can be ended with it.
    command.process_group(0);
    let mut child = command.spawn().unwrap();
    drop(theirs);
    let listener = receive(ours.as_raw_fd()).unwrap();
    let mut run = Run {
        listener,
        pid: child.id(),
        root: root.to_owned(),
        in_main: false,
        seen: HashMap::new(),
        calls: Vec::new(),
    };
    let hung = run.supervise(&mut child, idle, judge);
    let status = child.wait().unwrap();
    Ended {
        status,
        hung,
        calls: run.calls,
    }
}

struct Run {
    listener: OwnedFd,
    pid: u32,
    root: String,
    in_main: bool,
    seen: HashMap<String, usize>,
    calls: Vec<Call>,
}

impl Run {
    /// Answers until the process has ended; whether it had to be ended, because no thread ran for as long as `idle`, or
    /// it went on for ever.
    fn supervise(
        &mut self,
        child: &mut Child,
        idle: Duration,
        judge: &mut dyn FnMut(&Call) -> Verdict,
    ) -> bool {
        // On a busy machine a run may take long; one that hangs does nothing.
        let (begun, mut moved) = (Instant::now(), Instant::now());
        let mut before = (Duration::ZERO, 0);
        // What it started may live on for a moment, and waits for us at each call.
        let mut ended: Option<Instant> = None;
        loop {
            match (self.wait(Duration::from_millis(50)), ended) {
                (Waited::Gone, _) => return false,
                // A thread may have gone since, with its process.
                (Waited::Call, _) => {
                    if let Ok(notice) = self.receive() {
                        self.answer(&notice, judge);
                    }
                }
                (Waited::Nothing, Some(at)) if at.elapsed() > Duration::from_secs(1) => {
                    return false;
                }
                (Waited::Nothing, Some(_)) => {}
                (Waited::Nothing, None) => {
                    if child.try_wait().unwrap().is_some() {
                        ended = Some(Instant::now());
                    }
                    let (ran, ready) = activity(self.pid);
                    let now = (ran, self.calls.len());
                    if now != before || ready {
                        (before, moved) = (now, Instant::now());
                    }
                }
            }
            let endless = before.0 > 6 * idle || begun.elapsed() > 60 * idle;
            if ended.is_none() && (moved.elapsed() > idle || endless) {
                end_group(self.pid);
                return true;
            }
        }
    }

    fn wait(&self, at_most: Duration) -> Waited {
        let mut poll = libc::pollfd {
            fd: self.listener.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one descriptor, which is open.
        unsafe { libc::poll(&raw mut poll, 1, at_most.as_millis() as i32 + 1) };
        match poll.revents {
            r if r & libc::POLLIN != 0 => Waited::Call,
            r if r & (libc::POLLHUP | libc::POLLERR) != 0 => Waited::Gone,
            _ => Waited::Nothing,
        }
    }

    fn receive(&self) -> io::Result<libc::seccomp_notif> {
        // SAFETY: all zeros is a value of it, and what the kernel asks for.
        let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut notice)?;
        Ok(notice)
    }

    fn answer(&mut self, notice: &libc::seccomp_notif, judge: &mut dyn FnMut(&Call) -> Verdict) {
        let verdict = match self.call(notice) {
            Some(call) => {
                let verdict = judge(&call);
                self.calls.push(call);
                verdict
            }
            None => Verdict::Pass,
        };
        // SAFETY: all zeros is a value of it.
        let mut reply: libc::seccomp_notif_resp = unsafe { std::mem::zeroed() };
        reply.id = notice.id;
        match verdict {
            Verdict::Pass => reply.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
            Verdict::Fail(error) => reply.error = -error,
            // The signal comes before the thread goes on, so the call is not made.
            Verdict::Kill => return end_group(self.pid),
        }
        // Whoever has gone since needs no answer.
        let _ = self.ioctl(libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut reply);
    }

    fn ioctl<T>(&self, request: libc::Ioctl, argument: *mut T) -> io::Result<()> {
        // SAFETY: each request gets the structure that belongs to it.
        match unsafe { libc::ioctl(self.listener.as_raw_fd(), request, argument) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// The call, where it is one of the program's own: not one of another process, nor of the loader.
    fn call(&mut self, notice: &libc::seccomp_notif) -> Option<Call> {
        let number = i64::from(notice.data.nr);
        if notice.pid == self.pid && number == libc::SYS_poll {
            // The first thing that Rust does before `main` is to look whether the standard descriptors are open.
            self.in_main = true;
        }
        let kind = calls::kind_of(number)?;
        if !self.in_main || !self.is_own(notice.pid) || closes_no_file(number, notice) {
            return None;
        }
        let about = self.about(kind, notice);
        // glibc and Rust's runtime read it, to find the stack and to name what panics.
        if about == "/proc/PID/maps" || about == "/proc/self/maps" {
            return None;
        }
        let on_disk = match kind.disk {
            calls::Disk::Never => false,
            calls::Disk::Always => true,
            calls::Disk::WithCreate(n) => notice.data.args[n] & libc::O_CREAT as u64 != 0,
        };
        let standard = about.starts_with("std") || about.ends_with(':');
        let count = self
            .seen
            .entry(format!("{} {about}", kind.name))
            .or_insert(0);
        *count += 1;
        Some(Call {
            kind,
            about,
            nth: *count - 1,
            tid: notice.pid,
            on_disk: on_disk && !standard,
        })
    }

    fn is_own(&self, tid: u32) -> bool {
        Path::new(&format!("/proc/{}/task/{tid}", self.pid)).exists()
    }

    /// What a call is about, without what differs from run to run.
    fn about(&self, kind: Kind, notice: &libc::seccomp_notif) -> String {
        use calls::Argument::{At, Descriptor, Path};
        let args = &notice.data.args;
        let named = kind.about.iter().map(|argument| match *argument {
            Path(n) => resolve(notice.pid, libc::AT_FDCWD, args[n]),
            At(n) => resolve(notice.pid, args[n] as i32, args[n + 1]),
            Descriptor(n) => descriptor(notice.pid, args[n] as i32),
        });
        let named: Vec<String> = named.map(|path| self.stable(&path)).collect();
        match named.join(" ") {
            none if none.is_empty() => format!("by {}", thread_name(notice.pid)),
            files => files,
        }
    }

    fn stable(&self, path: &str) -> String {
        let pid = self.pid.to_string();
        let path = path.replace(&self.root, "");
        let parts = path.split('/').map(|part| {
            let part = without_owner(part);
            match part {
                own if own == pid => "PID".to_owned(),
                pipe if pipe.contains(":[") => pipe.split('[').next().unwrap().to_owned(),
                name => without_random(&name),
            }
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// The process that a name aside bears changes in each run.
fn without_owner(name: &str) -> String {
    if name.starts_with("sysds-query-") {
        return "sysds-query-OWNER".to_owned();
    }
    match name.rsplit_once(".partial-") {
        Some((target, owner)) if owner.ends_with(".old") => format!("{target}.partial-PID.old"),
        Some((target, _)) => format!("{target}.partial-PID"),
        None => name.to_owned(),
    }
}

/// DataFusion begins the names of files with 16 random letters, and tempfile ends those of folders with 6.
fn without_random(name: &str) -> String {
    let random =
        |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_alphanumeric());
    match (name.split_once('_'), name.rsplit_once('-')) {
        (Some((start, rest)), _) if random(start, 16) => format!("RANDOM_{rest}"),
        (_, Some((rest, end))) if rest == "datafusion" && random(end, 6) => {
            format!("{rest}-RANDOM")
        }
        _ => name.to_owned(),
    }
}

enum Waited {
    Call,
    Nothing,
    Gone,
}

/// Whether it closes something else than a file. Linux has no error for that of a folder, and Rust panics at one; and a pipe
/// that stays open, as what we make fail is not done, has somebody wait at its other end.
fn closes_no_file(number: i64, notice: &libc::seccomp_notif) -> bool {
    let link = || format!("/proc/{}/fd/{}", notice.pid, notice.data.args[0] as i32);
    number == libc::SYS_close && !Path::new(&link()).is_file()
}

/// How long the threads of a process have run, and whether one waits for a CPU or a disk now.
fn activity(pid: u32) -> (Duration, bool) {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let read =
        |task: &std::fs::DirEntry, name| std::fs::read_to_string(task.path().join(name)).ok();
    let mut sum = (Duration::ZERO, false);
    for task in tasks.into_iter().flatten().flatten() {
        let times = read(&task, "schedstat").unwrap_or_default();
        let ran = times.split(' ').next().and_then(|ns| ns.parse().ok());
        sum.0 += Duration::from_nanos(ran.unwrap_or(0));
        // The name of the thread stands before it, in brackets.
        let stat = read(&task, "stat").unwrap_or_default();
        sum.1 |= stat.contains(") R ") || stat.contains(") D ");
    }
    sum
}

/// Kills a group of processes.
fn end_group(pid: u32) {
    // SAFETY: a number; the group is our child's, which has not been waited for.
    unsafe { libc::kill(-(pid as i32), libc::SIGKILL) };
}

fn thread_name(tid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{tid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

fn descriptor(tid: u32, fd: RawFd) -> String {
    if fd < 0 {
        return String::new();
    }
    let link = std::fs::read_link(format!("/proc/{tid}/fd/{fd}")).unwrap_or_default();
    let name = link.to_string_lossy();
    match fd {
        0..=2 => format!("std{}", ["in", "out", "err"][fd as usize]),
        _ => name.trim_end_matches(" (deleted)").to_owned(),
    }
}

/// A path in another process's memory, relative to one of its folders.
fn resolve(tid: u32, dir: RawFd, address: u64) -> String {
    let path = text_at(tid, address);
    let base = match dir {
        _ if path.starts_with('/') => String::new(),
        libc::AT_FDCWD => String::new(),
        dir => descriptor(tid, dir),
    };
    match (base.is_empty(), path.is_empty()) {
        (true, _) => path,
        (_, true) => base,
        _ => format!("{base}/{path}"),
    }
}

fn text_at(tid: u32, address: u64) -> String {
    let mut bytes = vec![0; 4096];
    let Ok(memory) = File::open(format!("/proc/{tid}/mem")) else {
        return String::new();
    };
    // A read ends where the memory does.
    let read = memory.read_at(&mut bytes, address).unwrap_or(0);
    let end = bytes[..read].iter().position(|b| *b == 0).unwrap_or(read);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// The filter: our calls go to the listener, all others pass.
fn filter() -> Vec<libc::sock_filter> {
    let statement = |code: u32, k: u32| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    };
    let numbers: Vec<i64> = calls::numbers().chain([libc::SYS_poll]).collect();
    // The number of the call is the first word of `seccomp_data`.
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    let count = numbers.len();
    for (i, number) in numbers.iter().enumerate() {
        program.push(libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: (count - i) as u8,
            jf: 0,
            k: *number as u32,
        });
    }
    program.push(statement(
        libc::BPF_RET | libc::BPF_K,
        libc::SECCOMP_RET_ALLOW,
    ));
    program.push(statement(
        libc::BPF_RET | libc::BPF_K,
        libc::SECCOMP_RET_USER_NOTIF,
    ));
    program
}

/// Whether this system has what the tests need; says so where it has not.
pub fn is_there() -> bool {
    let action = libc::SECCOMP_RET_USER_NOTIF;
    // SAFETY: it reads a number.
    let known = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_ACTION_AVAIL,
            0,
            &raw const action,
        )
    };
    if known != 0 {
        eprintln!("SKIPPED: this kernel has no user notification of seccomp");
    }
    known == 0
}

/// In the child: sets the filter and sends its listener to the parent.
fn give_listener(program: &[libc::sock_filter], socket: RawFd) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: numbers, and a program that outlives the call.
    let listener = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    if listener < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut byte = 0u8;
    let mut part = one_byte(&mut byte);
    let mut control = Control([0; 4]);
    let message = message(&mut part, &mut control);
    // SAFETY: the message has room for one descriptor, and all of it outlives the call.
    let sent = unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as usize;
        libc::CMSG_DATA(header)
            .cast::<i32>()
            .write_unaligned(listener as i32);
        libc::sendmsg(socket, &raw const message, 0)
    };
    match sent {
        1 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Receives a descriptor.
fn receive(socket: RawFd) -> io::Result<OwnedFd> {
    let mut byte = 0u8;
    let mut part = one_byte(&mut byte);
    let mut control = Control([0; 4]);
    let mut message = message(&mut part, &mut control);
    // SAFETY: as above; the descriptor is new, and ours alone.
    unsafe {
        if libc::recvmsg(socket, &raw mut message, libc::MSG_CMSG_CLOEXEC) != 1 {
            return Err(io::Error::last_os_error());
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() {
            return Err(io::Error::other("no descriptor came"));
        }
        let fd = libc::CMSG_DATA(header).cast::<i32>().read_unaligned();
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Room for a header and one descriptor, aligned as headers are.
#[repr(C)]
struct Control([u64; 4]);

fn one_byte(byte: &mut u8) -> libc::iovec {
    libc::iovec {
        iov_base: std::ptr::from_mut(byte).cast(),
        iov_len: 1,
    }
}

fn message(part: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: all zeros is a value of it.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = std::ptr::from_mut(control).cast();
    // SAFETY: it computes a size.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(4) } as usize;
    message
}
