// The programs at the two ends of a multicast stream, each a process in its own namespace:
//   stream.js send GROUP…                 sends a numbered datagram to each group, 20 times a second
//   stream.js receive GROUP[@ADDRESS]…    joins the groups, on the interface with that address if there is one, and prints
//                                         `GROUP SOURCE` for each datagram it gets
import {createSocket} from 'node:dgram';

const port = 7000;
const [role, ...groups] = process.argv.slice(2);

if (role === 'send') {
  const socket = createSocket('udp4');
  socket.bind(0, () => {
    socket.setMulticastTTL(16);
    let number = 0;
    setInterval(() => {
      number += 1;
      for (const group of groups) socket.send(String(number), port, group);
    }, 50);
    console.log('sending');
  });
}

if (role === 'receive') {
  for (const text of groups) {
    const [group = '', address] = text.split('@');
    const socket = createSocket({type: 'udp4', reuseAddr: true});
    socket.on('message', (_message, {address: source}) => console.log(`${group} ${source}`));
    socket.bind(port, group, () => {
      socket.addMembership(group, address);
      console.log(`joined ${group}`);
    });
  }
}
