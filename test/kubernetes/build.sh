#!/usr/bin/env bash
# Builds kube-apiserver from the sources of Debian, and unpacks its etcd, into a folder. Nothing is installed on the machine.
# Needs Debian with dpkg-dev, and about ten minutes of two processors. Usage: build.sh FOLDER
set -euo pipefail
into=$(mkdir -p "$1" && cd "$1" && pwd)
[ -x "$into/kube-apiserver" ] && [ -x "$into/etcd" ] && exit
work=$into/work
mkdir -p "$work"/{apt/lists/partial,apt/cache/archives/partial,debs,sources,gopath/src/k8s.io}
cd "$work"

# The machine's own list of packages, with sources besides, in a folder of its own.
sed 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources > apt/debian.sources
cat > apt/apt.conf <<END
Dir::Etc::sourcelist "$work/apt/debian.sources";
Dir::Etc::sourceparts "/nonexistent";
Dir::State::lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
APT::Sandbox::User "root";
END
export APT_CONFIG=$work/apt/apt.conf
apt-get update -q
(cd debs && apt-get download -q golang-1.19-go golang-1.19-src etcd-server golang-github-modern-go-reflect2-dev)
for deb in debs/*.deb; do dpkg-deb -x "$deb" root; done
(cd sources && apt-get source --download-only -q kubernetes && dpkg-source -x ./*.dsc "$work/gopath/src/k8s.io/kubernetes")

# Debian parts the tree of Go in two, which it joins by links.
export GOROOT=$work/goroot GOPATH=$work/gopath GOCACHE=$work/gocache GO111MODULE=off CGO_ENABLED=0
cp -a root/usr/lib/go-1.19 "$GOROOT"
for part in api misc src test pkg/include; do
  rm -rf "${GOROOT:?}/$part"
  cp -a "root/usr/share/go-1.19/$part" "$GOROOT/$part"
done
export PATH=$GOROOT/bin:$PATH

cd "$GOPATH/src/k8s.io/kubernetes"
# The version that Kubernetes carries panics with this Go.
rm -rf vendor/github.com/modern-go/reflect2
cp -a "$work/root/usr/share/gocode/src/github.com/modern-go/reflect2" vendor/github.com/modern-go/

# The one generated file that the sources leave out.
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
packages=$(grep -rl --include='*.go' '^// +k8s:openapi-gen=' pkg staging/src vendor/k8s.io | grep -v _test.go | xargs -n1 dirname |
  sed 's#^staging/src/#k8s.io/kubernetes/vendor/#;t;s#^vendor/#k8s.io/kubernetes/vendor/#;t;s#^#k8s.io/kubernetes/#' | sort -u | paste -sd,)
"$work/openapi-gen" --logtostderr -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
  -h hack/boilerplate/boilerplate.generatego.txt -r "$work/violations"

go build -o "$into/kube-apiserver" ./cmd/kube-apiserver
cp "$work/root/usr/bin/etcd" "$into/etcd"
rm -rf "$work"
