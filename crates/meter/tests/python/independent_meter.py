"""A Modbus meter by other people: pymodbus encodes the values, keeps the registers and answers.

Reads one JSON object from the first line of its input:

    {"transport": "tcp" | "rtu", "unit": 1, "holes": "zero" | "refused",
     "values": [{"address": 0, "type": "FLOAT32", "lsw": false, "value": 230.5}, ...]}

and prints where it answers: a TCP port on the loopback interface, or the path of a pseudo-terminal
whose other end pymodbus has opened like any serial port. Ends when its input ends.
"""

import asyncio
import json
import os
import pty
import sys
import tty

from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


def device(config):
    """The meter; addresses between its values hold 0 or are refused with exception 2."""
    words = {}
    for value in config["values"]:
        kind = ModbusClientMixin.DATATYPE[value["type"]]
        order = "little" if value["lsw"] else "big"
        registers = ModbusClientMixin.convert_to_registers(value["value"], kind, word_order=order)
        for offset, register in enumerate(registers):
            words[value["address"] + offset] = register
    if config["holes"] == "zero":
        for address in range(min(words), max(words) + 20):
            words.setdefault(address, 0)
    data = [
        SimData(address, values=[register], datatype=DataType.REGISTERS)
        for address, register in sorted(words.items())
    ]
    return SimDevice(id=config["unit"], simdata=data)


def cable():
    """Two pseudo-terminals tied together; the paths of their ends."""
    (a, a_end), (b, b_end) = pty.openpty(), pty.openpty()
    for end in (a, b, a_end, b_end):
        tty.setraw(end)
    loop = asyncio.get_running_loop()
    loop.add_reader(a, lambda: os.write(b, os.read(a, 512)))
    loop.add_reader(b, lambda: os.write(a, os.read(b, 512)))
    return os.ttyname(a_end), os.ttyname(b_end)


async def serve(config):
    """Answers until the input ends."""
    if config["transport"] == "tcp":
        server = ModbusTcpServer(device(config), address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        where = server.transport.sockets[0].getsockname()[1]
    else:
        where, ours = cable()
        server = ModbusSerialServer(device(config), port=ours, baudrate=19200)
        await server.serve_forever(background=True)
    print(where, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.stdin.readline())))
