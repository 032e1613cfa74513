import Foundation

/// What the file system says about a path.
package struct FileStatus: Equatable {
  /// Which file this is, whatever path led to it.
  package struct Identity: Hashable {
    package let device: UInt64
    package let inode: UInt64
  }

  package let identity: Identity
  package let isFolder: Bool
  package let isRegularFile: Bool
  package let byteCount: Int
  /// When its bytes were last written, in seconds and nanoseconds.
  package let modification: Modification

  package struct Modification: Equatable {
    package let seconds: Int
    package let nanoseconds: Int
  }

  /// The status of what is at `path`; nil if there is nothing, or it cannot be reached.
  package init?(path: String, followingLinks: Bool = true) {
    var status = stat()
    guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
    self.init(status)
  }

  /// The status of an open file.
  package init?(descriptor: CInt) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    identity = Identity(
      device: UInt64(truncatingIfNeeded: status.st_dev),
      inode: UInt64(truncatingIfNeeded: status.st_ino))
    isFolder = status.st_mode & S_IFMT == S_IFDIR
    isRegularFile = status.st_mode & S_IFMT == S_IFREG
    byteCount = Int(status.st_size)
    #if canImport(Glibc)
      let time = status.st_mtim
    #else
      let time = status.st_mtimespec
    #endif
    modification = Modification(seconds: Int(time.tv_sec), nanoseconds: Int(time.tv_nsec))
  }
}
