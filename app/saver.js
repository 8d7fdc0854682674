// Saves each file that the server has made for a button, as a link of that name would.
watch('value', () => {
  const file = props.value?.file;
  if (!file?.url) return;
  const link = Object.assign(document.createElement('a'), { href: file.url, download: file.orig_name ?? '' });
  document.body.append(link);
  link.click();
  link.remove();
});
