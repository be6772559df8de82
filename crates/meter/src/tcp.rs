//! Modbus TCP: one connection to a meter or gateway, given up after any doubt.
//!
//! tokio-modbus carries the requests, on a small runtime of the bus thread's own. Replies carry a
//! transaction number there, so a stale one is refused; but after a single late reply on a kept
//! connection the library answers one behind for ever. So whatever goes wrong, except a refusal by
//! the meter, closes the connection, and the next request opens a new one.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::Mono;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout as within;
use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::prelude::{Slave, SlaveContext};
use tokio_modbus::{Error, ProtocolError, Request, Response};

use crate::bus::{BusFault, Exchange, LineCost, Master, Pace, Turnaround};
use crate::dial::Dialer;
use crate::frame::{Function, ReadRequest};

/// Time that opening may take where nothing else waits: for the name, and for the connection.
const PATIENCE: Duration = Duration::from_secs(6);

/// Modbus TCP to one address.
pub struct TcpMaster {
    dialer: Dialer,
    patience: Duration,
    connect_delay: Duration,
    pace: Arc<dyn Pace>,
    runtime: Runtime,
    connection: Option<Context>,
    /// Some inverters ignore what comes too soon after the connection.
    ready_at: Mono,
    turnaround: BTreeMap<u8, Turnaround>,
    exchange: Exchange,
}

impl TcpMaster {
    /// Connects.
    ///
    /// # Errors
    /// [`BusFault::PortGone`] when nobody listens there or the name is not known.
    pub fn open(
        host: &str,
        port: u16,
        connect_delay: Duration,
        pace: Arc<dyn Pace>,
    ) -> Result<Self, BusFault> {
        Self::dialled(Dialer::new(host, port), PATIENCE, connect_delay, pace)
    }

    /// Connects by `dialer`, which has `patience` for it, now and after each lost connection.
    pub(crate) fn dialled(
        dialer: Dialer,
        patience: Duration,
        connect_delay: Duration,
        pace: Arc<dyn Pace>,
    ) -> Result<Self, BusFault> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(BusFault::PortGone)?;
        let mut master = Self {
            dialer,
            patience,
            connect_delay,
            ready_at: pace.now(),
            pace,
            runtime,
            connection: None,
            turnaround: BTreeMap::new(),
            exchange: Exchange::default(),
        };
        master.connect()?;
        Ok(master)
    }

    fn connect(&mut self) -> Result<(), BusFault> {
        let stream = self.dialer.dial(self.patience);
        let stream = stream.and_then(|stream| {
            stream.set_nonblocking(true)?;
            let _in_runtime = self.runtime.enter();
            TcpStream::from_std(stream)
        });
        let stream = stream.map_err(|error| self.gone(&error))?;
        // A request is one small packet that must not wait for a second one.
        stream
            .set_nodelay(true)
            .map_err(|error| self.gone(&error))?;
        self.connection = Some(tcp::attach(stream));
        self.ready_at = self.pace.now() + self.connect_delay;
        Ok(())
    }

    fn gone(&self, error: &io::Error) -> BusFault {
        BusFault::PortGone(io::Error::new(
            error.kind(),
            format!("{}:{}: {error}", self.dialer.host(), self.dialer.port()),
        ))
    }

    fn ask(&mut self, request: ReadRequest, timeout: Duration) -> Result<Vec<u16>, BusFault> {
        if self.connection.is_none() {
            self.connect()?;
        }
        self.pace.sleep_until(self.ready_at);
        let Some(context) = &mut self.connection else {
            return Err(BusFault::PortGone(io::ErrorKind::NotConnected.into()));
        };
        context.set_slave(Slave(request.unit));
        self.exchange.sent_at = self.pace.now();
        self.exchange.waits += 1;
        let ReadRequest { address, count, .. } = request;
        let answer = self.runtime.block_on(async {
            // Not the library's own reading calls: they check the length in debug builds only, and
            // there by a panic.
            let asked = match request.function {
                Function::Holding => Request::ReadHoldingRegisters(address, count),
                Function::Input => Request::ReadInputRegisters(address, count),
            };
            within(timeout, context.call(asked)).await
        });
        match answer {
            Err(_) => Err(BusFault::Timeout),
            Ok(Err(error)) => Err(self.fault_of(error)),
            Ok(Ok(Err(exception))) => Err(BusFault::Exception(exception.into())),
            Ok(Ok(Ok(
                Response::ReadHoldingRegisters(registers) | Response::ReadInputRegisters(registers),
            ))) if registers.len() == usize::from(count) => Ok(registers),
            Ok(Ok(Ok(_))) => Err(BusFault::WrongReply),
        }
    }

    fn fault_of(&self, error: Error) -> BusFault {
        match error {
            Error::Protocol(
                ProtocolError::HeaderMismatch { .. } | ProtocolError::FunctionCodeMismatch { .. },
            ) => BusFault::WrongReply,
            Error::Transport(error) if error.kind() == io::ErrorKind::InvalidData => BusFault::Crc,
            Error::Transport(error) => self.gone(&error),
        }
    }
}

impl Master for TcpMaster {
    fn read(&mut self, request: ReadRequest, timeout: Duration) -> Result<Vec<u16>, BusFault> {
        self.exchange.begin();
        self.exchange.sent_at = self.pace.now();
        self.exchange
            .request
            .extend_from_slice(&request.encode()[..6]);
        let answer = self.ask(request, timeout);
        self.exchange.took = self.pace.now().since(self.exchange.sent_at);
        match &answer {
            Ok(registers) => {
                self.exchange
                    .reply
                    .extend(registers.iter().flat_map(|register| register.to_be_bytes()));
                self.turnaround
                    .entry(request.unit)
                    .or_default()
                    .measured(self.exchange.took);
            }
            Err(BusFault::Exception(_)) => {}
            Err(_) => self.connection = None,
        }
        answer
    }

    fn ready_at(&self, _request: &ReadRequest) -> Mono {
        self.ready_at
    }

    fn line(&self) -> LineCost {
        LineCost::default()
    }

    fn turnaround(&self, unit: u8) -> Option<Duration> {
        self.turnaround.get(&unit).and_then(Turnaround::estimate)
    }

    fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    fn last(&self) -> &Exchange {
        &self.exchange
    }
}

impl std::fmt::Debug for TcpMaster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpMaster")
            .field("host", &self.dialer.host())
            .field("port", &self.dialer.port())
            .finish_non_exhaustive()
    }
}
