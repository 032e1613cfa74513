package import Diagnostics
import Foundation
import Tensors

/// Memory that lies in a file: the system may write it to the disk and take its pages for others.
///
/// The file loses its name as soon as it is open, so that the disk's room is free again when the
/// process ends, however it ends. That room is taken at the start: were the disk full later, writing
/// to the memory would end the process.
package final class ScratchMemory {
  package let base: UnsafeMutableRawPointer
  package let byteCount: Int

  /// Zeroed memory in a new file.
  ///
  /// - Parameter folder: Where there is room.
  /// - Throws: `unwritable`, naming the folder and the bytes.
  package init(in folder: String, byteCount: Int) throws(InputError) {
    precondition(byteCount > 0)
    self.byteCount = byteCount
    let path = "\(folder)/scratch-\(getpid())"
    // A leftover of this name is that of a process that is gone: the folder is locked.
    unlink(path)
    let file = try OutputFile(creating: path, byteCount: byteCount, isNameless: true)
    base = try file.mapWritable(byteCount)
    MappedFiles.add(base, byteCount, path: path)
  }

  deinit {
    MappedFiles.remove(base)
    munmap(base, byteCount)
  }

  /// Lets go of the pages that hold `range`; they come back from the file when they are used.
  package func release(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    MappedPages.release(base, range)
  }
}
