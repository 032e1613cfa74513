public import Diagnostics

/// How much memory a run may take.
public struct MemoryBudget: Sendable, Equatable {
  /// The most resident memory of the process, in bytes.
  public var byteCount: Int
  /// Whether somebody asked for exactly this; otherwise it is what the machine has.
  public var isGiven: Bool

  /// A budget of so many bytes.
  public init(byteCount: Int) {
    self.byteCount = byteCount
    isGiven = true
  }

  /// Nine tenths of the memory that is free now, by the system and by the limits of the process's
  /// control groups; without bound where the system does not say.
  public static var available: MemoryBudget {
    var budget = MemoryBudget(
      byteCount: SystemMemory.availableByteCount.map { $0 / 10 * 9 } ?? .max)
    budget.isGiven = false
    return budget
  }

  /// Reads a number of bytes with or without a unit: `8GB`, `512 MiB`, `1.5T`, `8000000000`.
  ///
  /// kB, MB, GB and TB are powers of 1000, and so are single letters; KiB, MiB, GiB and TiB are powers
  /// of 1024. Letter case does not matter.
  ///
  /// - Throws: `invalidValue` for anything else, for 0 and for more than 2^60 bytes.
  public init(_ text: String) throws(InputError) {
    let number = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    let unit = text.dropFirst(number.count).drop { $0 == " " }.lowercased()
    let units: [String: Double] = [
      "": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12,
      "tb": 1e12, "kib": 1024, "mib": 1_048_576, "gib": 1_073_741_824, "tib": 1_099_511_627_776,
    ]
    guard let value = Double(number), let factor = units[unit], value * factor >= 1,
      value * factor <= Double(1 << 60)
    else {
      throw InputError(
        .invalidValue, "found \(quoted(text)), expected a size such as 8GB or 512MiB")
    }
    self.init(byteCount: Int(value * factor))
  }
}
