import Foundation

/// What a model's size is called: `361K`, `7.2B`, `8x7B`.
enum SizeLabel {
  static func label(_ tensors: [GGUFTensorOutline], experts: Int) -> String {
    func count(_ isCounted: (GGUFTensorOutline) -> Bool) -> Double {
      tensors.filter { !$0.sources.isEmpty && isCounted($0) }.reduce(0) {
        $0 + $1.shape.reduce(1) { $0 * Double($1) }
      }
    }
    let shared = count { !$0.name.contains("_exps.") }
    let ofExperts = count { $0.name.contains("_exps.") }
    guard experts > 0 else { return rounded(shared) }
    return "\(experts)x" + rounded(shared + ofExperts / Double(experts))
  }

  /// Two digits, or all before the point if these are more.
  static func rounded(_ count: Double) -> String {
    let (unit, suffix) =
      if count > 1e12 { (1e12, "T") } else if count > 1e9 { (1e9, "B") } else if count > 1e6 {
        (1e6, "M")
      } else { (1e3, "K") }
    let scaled = count / unit
    let digits = scaled.rounded() == 0 ? 0 : String(Int(scaled.rounded())).count
    return String(format: "%.\(max(2 - digits, 0))f", scaled) + suffix
  }
}
