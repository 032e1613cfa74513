import Checkpoints
import Foundation

/// The bytes of a safetensors file with any header text and any data, valid or not.
func safetensorsBytes(_ header: String, data: Int = 0, declaredSize: UInt64? = nil) -> [UInt8] {
  let json = Array(header.utf8)
  return withUnsafeBytes(of: (declaredSize ?? UInt64(json.count)).littleEndian) { Array($0) }
    + json + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
}

/// Writes `bytes` to a file of this name.
@discardableResult
func write(_ bytes: [UInt8], to name: String, in folder: URL) throws -> URL {
  let file = folder.appending(path: name)
  try Data(bytes).write(to: file)
  return file
}

/// Writes `text` to a file of this name.
@discardableResult
func write(_ text: String, to name: String, in folder: URL) throws -> URL {
  try write(Array(text.utf8), to: name, in: folder)
}
