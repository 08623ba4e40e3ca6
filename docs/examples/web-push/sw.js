// The page's service worker: shows what is pushed. The page reads the messages themselves from Roomcast, as ever.
self.addEventListener('push', (event) => {
  const { roomid, pending } = event.data.json();
  const body = pending === 1 ? 'One message waits' : `${pending} messages wait`;
  event.waitUntil(self.registration.showNotification(roomid, { body, tag: roomid, data: { roomid } }));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(`/?room=${encodeURIComponent(event.notification.data.roomid)}`));
});
