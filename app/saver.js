// Saves each file that the server has made for a button, as a link of that name would.
watch('value', () => {
  const { value } = props;
  if (!value) return;
  const link = Object.assign(document.createElement('a'), { href: value.url, download: value.orig_name });
  document.body.append(link);
  link.click();
  link.remove();
});
