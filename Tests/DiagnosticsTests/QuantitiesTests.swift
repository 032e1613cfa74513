import Diagnostics
import Testing

@Suite struct QuantitiesTests {
  @Test(arguments: [
    (0.0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
    (245, "4 min 05 s"), (3599.4, "59 min 59 s"), (3599.6, "1 h 00 min"), (7500, "2 h 05 min"),
    (-1, "?"), (.infinity, "?"), (.nan, "?"),
  ])
  func durations(seconds: Double, text: String) {
    #expect(Quantities.duration(seconds: seconds) == text)
  }

  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (16_384, "16.4 kB"), (999_499, "999 kB"),
    (999_500, "1.00 MB"), (1_192_135_096, "1.19 GB"), (Int.max, "9.22 EB"),
  ])
  func bytes(count: Int, text: String) {
    #expect(Quantities.bytes(count) == text)
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000"),
    (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func counts(number: Int, text: String) {
    #expect(Quantities.count(number) == text)
  }

  @Test(arguments: [
    (4.0, "4"), (4.25, "4.25"), (4.1254, "4.125"), (0, "0"), (10, "10"),
    (123_456.7891, "123456.789"),
    // The perplexity of a model that is broken.
    (3.41234567e24, "3.412e+24"),
  ])
  func decimals(value: Double, text: String) {
    #expect(Quantities.decimal(value) == text)
  }

  @Test(arguments: [(0.0, "0"), (0.012345, "0.0123"), (1.7, "1.7"), (3.2e-7, "3.2e-07")])
  func significantDigits(value: Double, text: String) {
    #expect(Quantities.significant(value) == text)
  }
}
