import CBuiltinCalibration
import Foundation
import JSONText

/// The calibration text in the library.
enum BuiltinText {
  /// All records, joined by a blank line.
  static func text() throws -> Data {
    var text = Data()
    // As the library holds them, in JSON Lines.
    let records = Data(bytes: builtin_calibration_bytes(), count: builtin_calibration_byte_count())
    for (line, _) in JSONLines(records) {
      guard case .text(let record) = try CalibrationRecord(JSONValue.parse(line)) else { continue }
      if !text.isEmpty { text.append(contentsOf: "\n\n".utf8) }
      text.append(contentsOf: record.utf8)
    }
    return text
  }
}
