use sysds::trace::{babeltrace::Reader, event::EventBatch, find};
fn main() {
    let r = find::recordings(&[std::env::args().nth(1).unwrap().into()]).unwrap();
    for rec in r {
        match Reader::open(&rec.traces, std::env::args().nth(2).is_some()) {
            Err(e) => println!("{}: {e}", rec.root.display()),
            Ok(mut rd) => {
                let mut b = EventBatch::default();
                let mut n = 0;
                let mut bytes = 0;
                let mut lost = 0;
                loop {
                    match rd.next(65536, &mut b) {
                        Err(e) => {
                            println!("{e}");
                            break;
                        }
                        Ok(false) => break,
                        Ok(true) => {
                            n += b.heads.len();
                            bytes += b.values.len();
                            lost += b.losses.iter().filter_map(|l| l.1.events).sum::<u64>();
                        }
                    }
                }
                println!(
                    "{} {n} events {bytes} B lost {lost} classes {} damage {:?}",
                    rec.root.display(),
                    rd.classes().len(),
                    rd.damage()
                );
            }
        }
    }
}
