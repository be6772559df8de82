//! A Modbus TCP device that misbehaves on command and says something else each time it is asked.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use solthrive_domain::Mono;
use solthrive_meter::bus::{Pace, SystemPace};
use solthrive_meter::frame::{Function, ReadRequest, encode_exception, encode_reply};

use crate::rtu_script::told;

/// What a device does with a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Doing {
    Answer,
    Late(Duration),
    Silent,
    /// The connection is reset instead of an answer.
    Reset,
    Close,
    Registers(u16),
    Refuse(u8),
    Twice,
    OtherUnit,
    OtherTransaction,
    OtherFunction,
    /// No Modbus at all.
    Noise,
    /// Half an answer, and no more.
    Half,
}

type Choose = dyn FnMut(usize, ReadRequest) -> Doing + Send;

/// What the device saw.
#[derive(Debug, Default)]
pub(crate) struct TcpSeen {
    pub connections: usize,
    pub requests: Vec<ReadRequest>,
    /// From each connection to its first request.
    pub pauses: Vec<Duration>,
}

struct Device {
    pace: SystemPace,
    seen: Mutex<TcpSeen>,
    choose: Mutex<Box<Choose>>,
    stop: AtomicBool,
}

/// A running device. Dropping it closes its port.
pub(crate) struct TcpDevice {
    pub address: SocketAddr,
    device: Arc<Device>,
    thread: Option<JoinHandle<()>>,
}

impl TcpDevice {
    pub(crate) fn start(choose: impl FnMut(usize, ReadRequest) -> Doing + Send + 'static) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), choose)
    }

    pub(crate) fn on(
        address: SocketAddr,
        choose: impl FnMut(usize, ReadRequest) -> Doing + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let device = Arc::new(Device {
            pace: SystemPace::new(),
            seen: Mutex::default(),
            choose: Mutex::new(Box::new(choose)),
            stop: AtomicBool::new(false),
        });
        let thread = std::thread::spawn({
            let device = Arc::clone(&device);
            move || {
                let mut open = Vec::new();
                for stream in listener.incoming().flatten() {
                    if device.stop.load(Ordering::Acquire) {
                        break;
                    }
                    let device = Arc::clone(&device);
                    open.push(std::thread::spawn(move || device.serve(stream)));
                }
                for connection in open {
                    let _ = connection.join();
                }
            }
        });
        Self {
            address,
            device,
            thread: Some(thread),
        }
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&TcpSeen) -> T) -> T {
        look(&self.device.seen.lock().unwrap())
    }
}

impl Drop for TcpDevice {
    fn drop(&mut self) {
        self.device.stop.store(true, Ordering::Release);
        // The listener waits for a connection; this is one.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Device {
    fn serve(&self, mut stream: TcpStream) {
        let connected = self.pace.now();
        self.seen.lock().unwrap().connections += 1;
        let mut first = true;
        let mut request = [0; 12];
        // Looked at before it is taken: closing a connection with bytes not taken resets it.
        stream
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        while self.hears(&stream, &mut request) {
            if std::mem::take(&mut first) {
                self.seen
                    .lock()
                    .unwrap()
                    .pauses
                    .push(self.pace.now().since(connected));
            }
            if !self.answer(&mut stream, request) {
                return;
            }
        }
    }

    /// Whether a request came, before the end of the connection or of the device.
    fn hears(&self, stream: &TcpStream, request: &mut [u8; 12]) -> bool {
        while !self.stop.load(Ordering::Acquire) {
            match stream.peek(request) {
                Ok(12) => return true,
                Ok(0) => return false,
                Ok(_) => std::thread::yield_now(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// Whether the connection goes on.
    fn answer(&self, stream: &mut TcpStream, frame: [u8; 12]) -> bool {
        let request = ReadRequest {
            unit: frame[6],
            function: Function::from_code(frame[7]).unwrap(),
            address: u16::from_be_bytes([frame[8], frame[9]]),
            count: u16::from_be_bytes([frame[10], frame[11]]),
        };
        let nth = {
            let mut seen = self.seen.lock().unwrap();
            seen.requests.push(request);
            seen.requests.len() - 1
        };
        let doing = (self.choose.lock().unwrap())(nth, request);
        if doing == Doing::Reset {
            return false;
        }
        let mut taken = [0; 12];
        if stream.read_exact(&mut taken).is_err() {
            return false;
        }
        let answer = reply(frame, request, nth as u64, doing);
        match doing {
            Doing::Close => return false,
            Doing::Silent => {}
            Doing::Late(by) => {
                let mut stream = stream.try_clone().unwrap();
                let pace = SystemPace::new();
                std::thread::spawn(move || {
                    pace.sleep_until(Mono::ZERO + by);
                    let _ = stream.write_all(&answer);
                });
            }
            _ => return stream.write_all(&answer).is_ok(),
        }
        true
    }
}

/// The bytes of an answer: the RTU frame without its checksum, behind the TCP header.
fn reply(frame: [u8; 12], request: ReadRequest, nth: u64, doing: Doing) -> Vec<u8> {
    let function = match (doing, request.function) {
        (Doing::OtherFunction, Function::Holding) => Function::Input,
        (_, function) => function,
    };
    let count = if let Doing::Registers(count) = doing {
        count
    } else {
        request.count
    };
    let unit = request.unit + u8::from(doing == Doing::OtherUnit);
    let rtu = match doing {
        Doing::Refuse(code) => encode_exception(unit, function.code(), code),
        _ => encode_reply(unit, function, &told(ReadRequest { count, ..request }, nth)),
    };
    let pdu = &rtu[..rtu.len() - 2];
    let [hi, lo] = u16::try_from(pdu.len()).unwrap().to_be_bytes();
    let transaction = frame[1].wrapping_add(u8::from(doing == Doing::OtherTransaction));
    let mut bytes = vec![frame[0], transaction, 0, 0, hi, lo];
    bytes.extend(pdu);
    match doing {
        Doing::Noise => b"\x00\x01NO\x00\x06MODBUS".to_vec(),
        Doing::Half => bytes[..bytes.len() / 2].to_vec(),
        Doing::Twice => bytes.repeat(2),
        _ => bytes,
    }
}
