import Diagnostics
import Foundation

enum FileBytes {
  /// The bytes of a text file without its byte order mark, mapped where the system can.
  static func map(_ file: URL) throws -> Data {
    do {
      let bytes = try Data(contentsOf: file, options: .mappedIfSafe)
      let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
      return bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes
    } catch {
      throw InputError(.unreadable, "cannot be read: \((error as NSError).localizedDescription)")
    }
  }
}
